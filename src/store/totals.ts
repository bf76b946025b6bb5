import { open } from "./executions.ts";
import type { Database } from "./statement.ts";

/** What a database holds that has not ended, over all users. */
export interface Totals {
  readonly executions: Readonly<Record<"queued" | "running" | "waiting", number>>;
  readonly pendingApprovals: number;
  /** When the longest waiting approval was asked for. */
  readonly oldestApprovalAt: string | undefined;
  /** What was spent or set aside on the day (UTC), in USD millionths. */
  readonly dayMicros: bigint;
}

export async function readTotals(db: Database, day: string): Promise<Totals> {
  const executions = { queued: 0, running: 0, waiting: 0 };
  const counted = await db
    .selectFrom("executions")
    .select(({ fn }) => ["status", fn.countAll().as("count")])
    .where("status", "in", open)
    .groupBy("status")
    .execute();
  for (const { status, count } of counted) {
    if (status === "queued" || status === "running" || status === "waiting") executions[status] = Number(count);
  }
  const approvals = await db
    .selectFrom("approvals")
    .select(({ fn }) => [fn.countAll().as("count"), fn.min("created_at").as("oldest")])
    .where("status", "=", "pending")
    .executeTakeFirst();
  const spent = await db
    .selectFrom("user_days")
    .select(({ fn }) => fn.sum("micros").as("micros"))
    .where("day", "=", day)
    .executeTakeFirst();
  return {
    executions,
    pendingApprovals: Number(approvals?.count ?? 0),
    oldestApprovalAt: approvals?.oldest ?? undefined,
    dayMicros: BigInt(spent?.micros ?? 0),
  };
}
