import { sql } from "kysely";
import { type Database, statement } from "./statement.ts";

export interface ToolStart {
  readonly executionId: string;
  readonly toolId: string;
  readonly attempt: number;
}

/** Records that a call which must not happen twice is about to happen. */
export async function insertToolStart(tx: Database, start: ToolStart, at: string): Promise<void> {
  await tx
    .insertInto("tool_starts")
    .values({ execution_id: start.executionId, tool_id: start.toolId, attempt: start.attempt, started_at: at })
    .execute();
}

const selectLast = statement<{ executionId: string; toolId: string }, { attempt: number; started_at: string }>(
  (db, param) =>
    db
      .selectFrom("tool_starts")
      .select(["attempt", "started_at"])
      .where("execution_id", "=", param("executionId"))
      .where("tool_id", "=", param("toolId"))
      .orderBy("attempt", "desc")
      .limit(sql.lit(1)),
);

/** The last time that a call was started; undefined when it never was. */
export async function lastStart(
  db: Database,
  executionId: string,
  toolId: string,
): Promise<{ attempt: number; startedAt: string } | undefined> {
  const [row] = await selectLast(db, { executionId, toolId });
  return row && { attempt: row.attempt, startedAt: row.started_at };
}
