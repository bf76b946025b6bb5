import type { DurableEvent, LiveEventData } from "../protocol/events.ts";
import { formatUsd } from "../protocol/money.ts";
import { readEvents } from "../store/event-log.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { Database } from "../store/statement.ts";

/** The answer to an `execute` that was carried out before: its beginning again, live only, and where it stands. */
export async function duplicateOf(db: Database, execution: ExecutionRow): Promise<LiveEventData["execution_started"]> {
  const [first] = await readEvents(db, execution.sessionId, execution.firstSeq - 1, 1);
  const event = first === undefined ? undefined : (JSON.parse(first.text) as DurableEvent);
  const isOfIt = event?.type === "execution_started" && event.data.execution_id === execution.id;
  const begun = isOfIt ? event.data : beginningOf(execution);
  return { ...begun, duplicate: true, status: execution.status };
}

/** What an event that is archived by now said; only the owner of a session starts executions. */
function beginningOf(execution: ExecutionRow) {
  const { id, sessionId, command, plan, budgetLimitMicros, createdAt, startedAt, userId } = execution;
  return {
    session_id: sessionId,
    execution_id: id,
    command,
    ...(plan === undefined ? {} : { plan: [...plan] }),
    budget_limit_usd: budgetLimitMicros === undefined ? null : formatUsd(budgetLimitMicros),
    queued: startedAt !== createdAt,
    by: userId,
  };
}
