import { holdRevocationsOf } from "../store/revocations.ts";
import type { Database } from "../store/statement.ts";
import { commitUnit, type Unit } from "../store/unit.ts";
import { type Caller, notFound } from "./access.ts";
import { isoTime } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { refuseRevoked } from "./revoke.ts";
import type { RunParts } from "./run-parts.ts";

/** What the commands work with. */
export interface Runtime extends RunParts {
  readonly worker: Dispatcher;
}

/**
 * Commits a command's unit of work and tells the watchers; `not_found` when session or execution is gone, and
 * `unauthenticated` when it is of a caller whose token was revoked by now.
 */
export async function commitCommand<T>(
  { store, clock, bus }: Pick<RunParts, "store" | "clock" | "bus">,
  { caller, ...key }: { sessionId: string; executionId?: string; approvalId?: string; caller?: Caller },
  work: (unit: Unit) => Promise<T>,
) {
  const check = caller && ((tx: Database) => refuseRevoked(tx, caller, holdRevocationsOf));
  const committed = await commitUnit(store, { ...key, at: isoTime(clock.now()), check }, work);
  if (committed === undefined) throw notFound(kindOf(key));
  bus.publish(key.sessionId, committed.events);
  return committed;
}

function kindOf({ executionId, approvalId }: { executionId?: string; approvalId?: string }) {
  if (approvalId !== undefined) return "approval";
  return executionId === undefined ? "session" : "execution";
}
