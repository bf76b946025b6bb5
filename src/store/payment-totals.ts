import { sql } from "kysely";
import type { PaymentsBy } from "../protocol/payment-totals.ts";
import { type PaymentFilter, paymentsOf } from "./payment-queries.ts";
import type { Database } from "./statement.ts";

/** What the payments of a session come to that have one key in common, in USD millionths. */
export interface SessionSum {
  readonly sessionId: string;
  readonly key: string;
  /** The address, in lower case, of (one of) them. */
  readonly payTo: string;
  readonly payments: number;
  readonly settledMicros: bigint;
  readonly pendingMicros: bigint;
}

const keys = {
  // The day whose budget it draws on.
  day: sql<string>`spends.day`,
  payee: sql<string>`payments.payee`,
  tool: sql<string>`payments.tool_name`,
  session: sql<string>`payments.session_id`,
  state: sql<string>`payments.state`,
} as const satisfies Record<PaymentsBy, unknown>;

/** Sums of a user's payments by a key and by session; at most `limit` of them. What a payment takes is its spend's. */
export async function sumPayments(
  db: Database,
  userId: string,
  by: PaymentsBy,
  filter: PaymentFilter,
  limit: number,
): Promise<SessionSum[]> {
  const key = keys[by];
  const sumWhile = (status: "settled" | "reserved") =>
    sql<number | bigint | string>`sum(case when spends.status = ${sql.lit(status)} then spends.micros else 0 end)`;
  const rows = await paymentsOf(db, userId, filter)
    .innerJoin("spends", (join) =>
      join
        .onRef("spends.execution_id", "=", "payments.execution_id")
        .onRef("spends.tool_id", "=", "payments.tool_id")
        .onRef("spends.epoch", "=", "payments.epoch"),
    )
    .select(({ fn }) => [
      "payments.session_id",
      key.as("key"),
      fn.max("payments.pay_to").as("pay_to"),
      fn.countAll<number | bigint | string>().as("payments"),
      sumWhile("settled").as("settled"),
      sumWhile("reserved").as("pending"),
    ])
    .groupBy(["payments.session_id", key])
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    sessionId: row.session_id,
    key: row.key,
    payTo: row.pay_to,
    payments: Number(row.payments),
    settledMicros: BigInt(row.settled),
    pendingMicros: BigInt(row.pending),
  }));
}
