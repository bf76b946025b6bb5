import { sql } from "kysely";
import { type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** What one tool call may take, or took, from the budgets. `epoch` counts deliberate repetitions. */
export interface SpendKey {
  readonly executionId: string;
  readonly toolId: string;
  readonly epoch: number;
}

export interface SpendRow {
  readonly micros: bigint;
  readonly day: string;
  readonly status: Tables["spends"]["status"];
}

const selectOne = statement<SpendKey, { micros: number | bigint; day: string; status: SpendRow["status"] }>(
  (db, param) =>
    db
      .selectFrom("spends")
      .select(["micros", "day", "status"])
      .where("execution_id", "=", param("executionId"))
      .where("tool_id", "=", param("toolId"))
      .where("epoch", "=", param("epoch")),
);

export async function findSpend(tx: Database, key: SpendKey): Promise<SpendRow | undefined> {
  const [row] = await selectOne(tx, key);
  return row && { ...row, micros: BigInt(row.micros) };
}

/** Records a reservation; the primary key refuses a second one for the same call. */
export async function insertSpend(
  tx: Database,
  key: SpendKey,
  spend: { sessionId: string; userId: string; day: string; micros: bigint; at: string },
): Promise<void> {
  await tx
    .insertInto("spends")
    .values({
      execution_id: key.executionId,
      tool_id: key.toolId,
      epoch: key.epoch,
      session_id: spend.sessionId,
      user_id: spend.userId,
      day: spend.day,
      micros: spend.micros,
      status: "reserved",
      created_at: spend.at,
    })
    .execute();
}

/** Makes a reservation another amount. */
export async function changeSpend(tx: Database, key: SpendKey, micros: bigint): Promise<void> {
  await tx
    .updateTable("spends")
    .set({ micros })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", key.epoch)
    .where("status", "=", "reserved")
    .execute();
}

/** Ends a reservation. */
export async function endSpend(tx: Database, key: SpendKey, status: "settled" | "released"): Promise<void> {
  await tx
    .updateTable("spends")
    .set({ status })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", key.epoch)
    .where("status", "=", "reserved")
    .execute();
}

export async function reservedOfExecution(tx: Database, executionId: string): Promise<(SpendKey & SpendRow)[]> {
  const rows = await tx
    .selectFrom("spends")
    .select(["execution_id", "tool_id", "epoch", "micros", "day", "status"])
    .where("execution_id", "=", executionId)
    .where("status", "=", "reserved")
    .execute();
  return rows.map((row) => ({
    executionId: row.execution_id,
    toolId: row.tool_id,
    epoch: row.epoch,
    micros: BigInt(row.micros),
    day: row.day,
    status: row.status,
  }));
}

/** Adds to what a user has spent and reserved on a day (UTC); false when that would pass `limit`. */
export async function addToDay(
  tx: Database,
  userId: string,
  day: string,
  micros: bigint,
  limit: bigint,
): Promise<boolean> {
  await tx
    .insertInto("user_days")
    .values({ user_id: userId, day, micros: 0 })
    .onConflict((conflict) => conflict.columns(["user_id", "day"]).doNothing())
    .execute();
  const rows = await tx
    .updateTable("user_days")
    .set({ micros: sql`micros + ${micros}` })
    .where("user_id", "=", userId)
    .where("day", "=", day)
    .where(sql<boolean>`micros + ${micros} <= ${limit}`)
    .returning("user_id")
    .execute();
  return rows.length === 1;
}

export async function takeFromDay(tx: Database, userId: string, day: string, micros: bigint): Promise<void> {
  await tx
    .updateTable("user_days")
    .set({ micros: sql`micros - ${micros}` })
    .where("user_id", "=", userId)
    .where("day", "=", day)
    .execute();
}
