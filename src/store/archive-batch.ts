import { sql } from "kysely";
import { open } from "./payments.ts";
import type { Database } from "./statement.ts";

/** How many events go into one file, and out of the database in one transaction, at most. */
const batchEvents = 500;

const terminal: ReadonlySet<string> = new Set(["complete", "cancelled", "error"]);

/** What of a session's kept log can go: the events up to `lastSeq`, or nothing yet. */
export interface Batch {
  readonly lastSeq: number | undefined;
  /** When the first of the events that were looked at was written. */
  readonly oldestAt: string | undefined;
}

/**
 * Finds the events from `firstSeq` on that were written before `before` and belong to nothing that may still
 * change: no execution that has not ended, no payment that is open, no question that waits. Executions are kept
 * whole where a batch has room for them. What is found stays so, since nothing that ended begins again.
 */
export async function findBatch(
  db: Database,
  { sessionId, firstSeq, before }: { sessionId: string; firstSeq: number; before: string },
): Promise<Batch> {
  const rows = await db
    .selectFrom("events")
    .select(["seq", "execution_id", "type", "at"])
    .where("session_id", "=", sessionId)
    .where("seq", ">=", firstSeq)
    .orderBy("seq")
    .limit(batchEvents)
    .execute();
  const unsettled = await unsettledOf(db, [...new Set(rows.flatMap(({ execution_id: id }) => id ?? []))]);
  const begun = new Set<string>();
  let through: number | undefined;
  let whole: number | undefined;
  let expected = firstSeq;
  for (const row of rows) {
    const { execution_id: id, type, at } = row;
    const isGap = Number(row.seq) !== expected++;
    if (isGap || at >= before || (id !== null && unsettled.has(id))) break;
    if (id !== null && terminal.has(type)) begun.delete(id);
    else if (id !== null) begun.add(id);
    through = Number(row.seq);
    if (begun.size === 0) whole = through;
  }
  const isFull = through === firstSeq + batchEvents - 1;
  return { lastSeq: whole ?? (isFull ? through : undefined), oldestAt: rows[0]?.at };
}

/** Those of the executions to which something may still happen, or be told. */
async function unsettledOf(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const [executions, payments, approvals] = await Promise.all([
    db.selectFrom("executions").select("id").where("id", "in", ids).where("ended_at", "is", null).execute(),
    db
      .selectFrom("payments")
      .select("execution_id as id")
      .where("execution_id", "in", ids)
      .where("state", "in", open)
      .execute(),
    db
      .selectFrom("approvals")
      .select("execution_id as id")
      .where("execution_id", "in", ids)
      .where("status", "=", sql.lit("pending"))
      .execute(),
  ]);
  return new Set([...executions, ...payments, ...approvals].map(({ id }) => id));
}
