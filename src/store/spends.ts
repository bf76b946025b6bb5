import { type Selectable, sql } from "kysely";
import { type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** What one tool call may take, or took, from the budgets. A purchase that is repeated is another call. */
export interface SpendKey {
  readonly executionId: string;
  readonly toolId: string;
}

/** The `epoch` of every row and of every payment's nonce. Both were made with it and must stay what they are. */
export const onlyEpoch = 0;

/** Whom a spend pays: the name, the address, and the network that the address is on. */
export interface SpendPayee {
  readonly payee: string;
  readonly payTo: string;
  readonly network: string;
}

export interface SpendRow {
  readonly micros: bigint;
  readonly day: string;
  readonly status: Tables["spends"]["status"];
  readonly payee: SpendPayee | undefined;
  /** The spend rule whose total it draws on. */
  readonly ruleId: string | undefined;
}

const columns = ["micros", "day", "status", "payee", "pay_to", "network", "rule_id"] as const;

function spendRow(row: Pick<Selectable<Tables["spends"]>, (typeof columns)[number]>): SpendRow {
  const { payee, pay_to: payTo, network } = row;
  return {
    micros: BigInt(row.micros),
    day: row.day,
    status: row.status,
    payee: payee === null || payTo === null || network === null ? undefined : { payee, payTo, network },
    ruleId: row.rule_id ?? undefined,
  };
}

const selectOne = statement<SpendKey, Pick<Selectable<Tables["spends"]>, (typeof columns)[number]>>((db, param) =>
  db
    .selectFrom("spends")
    .select(columns)
    .where("execution_id", "=", param("executionId"))
    .where("tool_id", "=", param("toolId"))
    .where("epoch", "=", sql.lit(onlyEpoch)),
);

export async function findSpend(tx: Database, key: SpendKey): Promise<SpendRow | undefined> {
  const [row] = await selectOne(tx, key);
  return row && spendRow(row);
}

/** Records a spend; the primary key refuses a second one for the same call. */
export async function insertSpend(
  tx: Database,
  key: SpendKey,
  spend: Pick<SpendRow, "day" | "micros" | "status" | "payee" | "ruleId"> & {
    readonly sessionId: string;
    readonly userId: string;
    readonly at: string;
  },
): Promise<void> {
  await tx
    .insertInto("spends")
    .values({
      execution_id: key.executionId,
      tool_id: key.toolId,
      epoch: onlyEpoch,
      session_id: spend.sessionId,
      user_id: spend.userId,
      day: spend.day,
      micros: spend.micros,
      payee: spend.payee?.payee ?? null,
      pay_to: spend.payee?.payTo ?? null,
      network: spend.payee?.network ?? null,
      rule_id: spend.ruleId ?? null,
      status: spend.status,
      created_at: spend.at,
    })
    .execute();
}

/** Makes a reservation another amount, for another payee. */
export async function changeSpend(
  tx: Database,
  key: SpendKey,
  { micros, payee, ruleId }: Pick<SpendRow, "micros" | "payee" | "ruleId">,
): Promise<void> {
  await tx
    .updateTable("spends")
    .set({
      micros,
      payee: payee?.payee ?? null,
      pay_to: payee?.payTo ?? null,
      network: payee?.network ?? null,
      rule_id: ruleId ?? null,
    })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", onlyEpoch)
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
    .where("epoch", "=", onlyEpoch)
    .where("status", "=", "reserved")
    .execute();
}

export async function reservedOfExecution(tx: Database, executionId: string): Promise<(SpendKey & SpendRow)[]> {
  const rows = await tx
    .selectFrom("spends")
    .select(["execution_id", "tool_id", ...columns])
    .where("execution_id", "=", executionId)
    .where("status", "=", "reserved")
    .execute();
  return rows.map((row) => ({
    executionId: row.execution_id,
    toolId: row.tool_id,
    ...spendRow(row),
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

/** What a session has spent on a payee and set aside for it; `name` is compared to its name and its address. */
export async function drawnByPayee(tx: Database, sessionId: string, name: string): Promise<bigint> {
  const row = await tx
    .selectFrom("spends")
    .select(({ fn }) => fn.sum<number | bigint | string | null>("micros").as("micros"))
    .where("session_id", "=", sessionId)
    .where("status", "!=", "released")
    .where(({ eb, or }) =>
      or([eb(sql`lower(payee)`, "=", name.toLowerCase()), eb(sql`lower(pay_to)`, "=", name.toLowerCase())]),
    )
    .executeTakeFirstOrThrow();
  return BigInt(row.micros ?? 0);
}

/** How many payments a session has begun since a time, those that were given up not counted. */
export async function paymentsSince(tx: Database, sessionId: string, since: string): Promise<number> {
  const row = await tx
    .selectFrom("spends")
    .select(({ fn }) => fn.countAll<number | bigint | string>().as("count"))
    .where("session_id", "=", sessionId)
    .where("created_at", ">", since)
    .where("status", "!=", "released")
    .where("payee", "is not", null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** What a user has spent and set aside on a day (UTC). */
export async function drawnOnDay(db: Database, userId: string, day: string): Promise<bigint> {
  const row = await db
    .selectFrom("user_days")
    .select("micros")
    .where("user_id", "=", userId)
    .where("day", "=", day)
    .executeTakeFirst();
  return BigInt(row?.micros ?? 0);
}

/** What a user has spent and set aside on a day (UTC), which nobody else changes until the transaction ends. */
export async function holdDay(tx: Database, userId: string, day: string): Promise<bigint> {
  const row = await tx
    .insertInto("user_days")
    .values({ user_id: userId, day, micros: 0 })
    .onConflict((conflict) => conflict.columns(["user_id", "day"]).doUpdateSet({ micros: sql`user_days.micros` }))
    .returning("micros")
    .executeTakeFirstOrThrow();
  return BigInt(row.micros);
}
