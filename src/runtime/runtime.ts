import { commitUnit, type Unit } from "../store/unit.ts";
import { notFound } from "./access.ts";
import { isoTime } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { RunParts } from "./run-parts.ts";

/** What the commands work with. */
export interface Runtime extends RunParts {
  readonly worker: Dispatcher;
}

/** Commits a command's unit of work and tells the watchers; `not_found` when session or execution is gone. */
export async function commitCommand<T>(
  { store, clock, bus }: Pick<RunParts, "store" | "clock" | "bus">,
  key: { sessionId: string; executionId?: string },
  work: (unit: Unit) => Promise<T>,
) {
  const committed = await commitUnit(store, { ...key, at: isoTime(clock.now()) }, work);
  if (committed === undefined) throw notFound(key.executionId === undefined ? "session" : "execution");
  bus.publish(key.sessionId, committed.events);
  return committed;
}
