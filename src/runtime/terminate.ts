import { cancelOpenExecutions, openExecutions } from "../store/executions.ts";
import { updateSession } from "../store/sessions.ts";
import { type Caller, requireOwner, sessionFor } from "./access.ts";
import { finishCancelled } from "./cancel.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

const reason = "The session was terminated.";

/**
 * Ends a session: nothing is started in it any more, and what has not ended is cancelled. Both are one commit;
 * `cancelled` follows in the log for each execution. Throws `forbidden`, `not_found`.
 */
export async function terminate(runtime: Runtime, caller: Caller, sessionId: string): Promise<void> {
  const { db } = runtime.store;
  requireOwner(await sessionFor(db, caller, sessionId), caller, "execute");
  await commitCommand(runtime, { sessionId, caller }, async ({ tx }) => {
    await updateSession(tx, sessionId, { status: "terminated" });
    await cancelOpenExecutions(tx, { sessionId, by: caller.userId, reason });
  });
  try {
    for (const execution of await openExecutions(db, sessionId)) await finishCancelled(runtime, execution);
  } catch (error) {
    runtime.log.warn(
      { err: error, session_id: sessionId },
      "not all is stopped in a terminated session; the sweep goes on",
    );
  }
}
