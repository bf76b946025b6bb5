import type { DurableEvent, LiveEventData } from "../protocol/events.ts";
import { readExecutionEvents } from "../store/event-log.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { Database } from "../store/statement.ts";

/** The answer to an `execute` that was carried out before: its beginning again, live only, and where it stands. */
export async function duplicateOf(db: Database, execution: ExecutionRow): Promise<LiveEventData["execution_started"]> {
  const [first] = await readExecutionEvents(db, execution.id, 0);
  const event = first === undefined ? undefined : (JSON.parse(first.text) as DurableEvent);
  if (event?.type !== "execution_started") throw new Error(`Execution ${execution.id} does not begin with its start.`);
  return { ...event.data, duplicate: true, status: execution.status };
}
