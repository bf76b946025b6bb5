import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Connection } from "../client/connection.ts";
import { usePaygent } from "./provider.ts";
import type { SessionView } from "./session-fold.ts";
import { sessionStore } from "./session-store.ts";

/** What can be done in a session; the same functions as those of a `Connection`. */
export type SessionActions = Pick<Connection, "execute" | "approve" | "reject" | "edit" | "cancel">;

/**
 * A session, live: its history first, then every change as it happens, over any number of reconnects. All
 * components that show the same session share one connection, which ends when the last of them is gone.
 *
 * @example
 * const { executions, approvals, execute, approve } = useSession(sessionId);
 */
export function useSession(sessionId: string): SessionView & SessionActions {
  const client = usePaygent();
  const store = useMemo(() => sessionStore(client, sessionId), [client, sessionId]);
  const subscribe = useCallback((listener: () => void) => store.subscribe(listener), [store]);
  const getView = useCallback(() => store.view, [store]);
  const view = useSyncExternalStore(subscribe, getView, getView);
  const actions = useMemo<SessionActions>(
    () => ({
      execute: (command, options) => store.connection.execute(command, options),
      approve: (requestId, options) => store.connection.approve(requestId, options),
      reject: (requestId, options) => store.connection.reject(requestId, options),
      edit: (requestId, editedArgs, options) => store.connection.edit(requestId, editedArgs, options),
      cancel: (executionId, options) => store.connection.cancel(executionId, options),
    }),
    [store],
  );
  return useMemo(() => ({ ...view, ...actions }), [view, actions]);
}
