import { PaygentError } from "../protocol/errors.ts";
import type { Cancel } from "../protocol/messages.ts";
import { pendingOfExecution } from "../store/approvals.ts";
import { findExecution } from "../store/executions.ts";
import type { Unit } from "../store/unit.ts";
import { type Caller, notFound, requireMember, requireOwner } from "./access.ts";
import { tellCancelled } from "./finish.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

/**
 * Stops an execution, whether it is queued, running or waiting for a human. Resolves once that is certain;
 * `cancelled` follows in the log when what was under way has been stopped. Throws `execution_ended`,
 * `forbidden`, `not_found`.
 */
export async function cancel(
  runtime: Runtime,
  caller: Caller,
  request: { input: Cancel; sessionId?: string | undefined; ref?: string | undefined },
): Promise<void> {
  const { input, ref } = request;
  const { db } = runtime.store;
  const execution = await findExecution(db, input.execution_id);
  if (request.sessionId !== undefined && execution?.sessionId !== request.sessionId) throw notFound("execution");
  const { row: found, session } = await requireMember(db, caller, execution, "execution");
  requireOwner(session, caller, "execute");

  const key = { sessionId: found.sessionId, executionId: found.id, caller };
  const { value: mustStop } = await commitCommand(runtime, key, async (unit) => {
    const { execution } = unit;
    if (execution.endedAt !== null) {
      const sentence = `The execution has ended already: ${execution.status} at ${execution.endedAt}.`;
      throw new PaygentError("execution_ended", sentence, { details: { status: execution.status } });
    }
    if (execution.cancelBy === null) {
      execution.cancelBy = caller.userId;
      execution.cancelReason = input.reason ?? null;
      execution.cancelRef = ref ?? null;
    }
    return tellUnlessRunning(unit);
  });
  goOn(runtime, found, mustStop);
}

/** Stops, or tells the end of, an execution whose cancellation is committed. */
export async function finishCancelled(runtime: Runtime, of: { id: string; sessionId: string }): Promise<void> {
  const key = { sessionId: of.sessionId, executionId: of.id };
  const { value: mustStop } = await commitCommand(runtime, key, async (unit) => {
    const { cancelBy, endedAt } = unit.execution;
    return cancelBy === null || endedAt !== null ? undefined : tellUnlessRunning(unit);
  });
  if (mustStop !== undefined) goOn(runtime, of, mustStop);
}

/** Ends the unit's execution as cancelled, unless its run has to do that; gives whether it has. */
async function tellUnlessRunning(unit: Unit): Promise<boolean> {
  if (unit.execution.status === "running") return true;
  const pending = await pendingOfExecution(unit.tx, unit.execution.id);
  const in_flight = pending.map(({ toolId }) => ({ tool_id: toolId, outcome: "not_started" as const }));
  await tellCancelled(unit, in_flight, []);
  return false;
}

function goOn({ worker }: Runtime, { id, sessionId }: { id: string; sessionId: string }, mustStop: boolean): void {
  if (mustStop) worker.cancel(id);
  else worker.sessionFreed(sessionId);
}
