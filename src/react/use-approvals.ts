import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { PaygentClient } from "../client/client.ts";
import type { Approval } from "../protocol/resources.ts";
import { approvalsStore, type PendingApprovals } from "./approvals-store.ts";
import { usePaygent } from "./provider.ts";

export interface ApprovalsView extends PendingApprovals {
  readonly refresh: () => Promise<void>;
  readonly approve: PaygentClient["approvals"]["approve"];
  readonly reject: PaygentClient["approvals"]["reject"];
  readonly edit: PaygentClient["approvals"]["edit"];
}

/**
 * The user's pending approvals over all sessions, asked for every `refreshMs` and after each decision, once for
 * all components that show them. A decision's answer is the decided approval; a refusal is thrown as a
 * `PaygentError` (`already_decided`, …).
 */
export function useApprovals({ refreshMs = 3000 }: { readonly refreshMs?: number } = {}): ApprovalsView {
  const client = usePaygent();
  const store = useMemo(() => approvalsStore(client, refreshMs), [client, refreshMs]);
  const getPending = useCallback(() => store.pending, [store]);
  const pending = useSyncExternalStore(store.subscribe, getPending, getPending);
  const decisions = useMemo(() => {
    const { approve, reject, edit } = client.approvals;
    const andRefresh = <Args extends unknown[]>(decide: (...args: Args) => Promise<Approval>) => {
      return async (...args: Args): Promise<Approval> => {
        try {
          return await decide(...args);
        } finally {
          void store.refresh();
        }
      };
    };
    return { approve: andRefresh(approve), reject: andRefresh(reject), edit: andRefresh(edit) };
  }, [client, store]);
  return useMemo(() => ({ ...pending, refresh: store.refresh, ...decisions }), [pending, store, decisions]);
}
