import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { PaygentClient } from "../client/client.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { Approval } from "../protocol/resources.ts";
import { usePaygent } from "./provider.ts";

export interface ApprovalsView {
  /** Every request of the user that waits for a decision, over all sessions, oldest first. */
  readonly approvals: readonly Approval[];
  readonly isLoading: boolean;
  /** Why the list could not be read the last time; what was read before stays. */
  readonly error?: PaygentError;
  readonly refresh: () => Promise<void>;
  readonly approve: PaygentClient["approvals"]["approve"];
  readonly reject: PaygentClient["approvals"]["reject"];
  readonly edit: PaygentClient["approvals"]["edit"];
}

interface Loaded {
  readonly approvals: readonly Approval[];
  readonly isLoading: boolean;
  readonly error?: PaygentError;
}

/**
 * The user's pending approvals over all sessions, asked for every `refreshMs` and after each decision. A
 * decision's answer is the decided approval; a refusal is thrown as a `PaygentError` (`already_decided`, …).
 */
export function useApprovals({ refreshMs = 3000 }: { readonly refreshMs?: number } = {}): ApprovalsView {
  const client = usePaygent();
  const [loaded, setLoaded] = useState<Loaded>({ approvals: [], isLoading: true });
  const latest = useRef(0);

  const refresh = useCallback(async () => {
    latest.current += 1;
    const turn = latest.current;
    let next: Loaded;
    try {
      next = { approvals: await pendingApprovals(client), isLoading: false };
    } catch (cause) {
      const error = cause instanceof PaygentError ? cause : new PaygentError("internal", String(cause), { cause });
      next = { approvals: [], isLoading: false, error };
    }
    // An older answer that comes later must not undo a newer one.
    if (turn !== latest.current) return;
    setLoaded((before) => (next.error === undefined ? next : { ...next, approvals: before.approvals }));
  }, [client]);

  useEffect(() => {
    void refresh();
    const timer = setInterval(() => void refresh(), refreshMs);
    return () => {
      latest.current += 1;
      clearInterval(timer);
    };
  }, [refresh, refreshMs]);

  const decisions = useMemo(() => {
    const { approve, reject, edit } = client.approvals;
    const andRefresh = <Args extends unknown[]>(decide: (...args: Args) => Promise<Approval>) => {
      return async (...args: Args): Promise<Approval> => {
        try {
          return await decide(...args);
        } finally {
          void refresh();
        }
      };
    };
    return { approve: andRefresh(approve), reject: andRefresh(reject), edit: andRefresh(edit) };
  }, [client, refresh]);
  return useMemo(() => ({ ...loaded, refresh, ...decisions }), [loaded, refresh, decisions]);
}

async function pendingApprovals(client: PaygentClient): Promise<Approval[]> {
  const found: Approval[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.approvals.list({
      status: "pending",
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found.reverse();
}
