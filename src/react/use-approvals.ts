import { useMemo, useSyncExternalStore } from "react";
import type { PaygentClient } from "../client/client.ts";
import type { PaygentError } from "../protocol/errors.ts";
import type { Approval } from "../protocol/resources.ts";
import { approvalsStore } from "./approvals-store.ts";
import { usePaygent } from "./provider.ts";

/** What waits for a decision, and the ways to decide it. */
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

const none: readonly Approval[] = [];

/**
 * The user's pending approvals over all sessions, asked for every `refreshMs` and after each decision, once for
 * all components that show them. A decision's answer is the decided approval; a refusal is thrown as a
 * `PaygentError` (`already_decided`, …).
 */
export function useApprovals({ refreshMs = 3000 }: { readonly refreshMs?: number } = {}): ApprovalsView {
  const client = usePaygent();
  const { subscribe, polled, refresh } = approvalsStore(client, refreshMs);
  const { value: approvals = none, isLoading, error } = useSyncExternalStore(subscribe, polled, polled);
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
  return useMemo(
    () => ({ approvals, isLoading, ...(error === undefined ? {} : { error }), refresh, ...decisions }),
    [approvals, isLoading, error, refresh, decisions],
  );
}
