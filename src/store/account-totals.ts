import * as z from "zod";
import { usdMicros } from "../protocol/money.ts";
import type { Database } from "./statement.ts";

/**
 * What three independent records of one store say of the money; at rest they say the same, unless events that told
 * of it were archived. USD in millionths.
 */
export interface AccountTotals {
  /** Of the ledger, and how many calls have settled. */
  readonly settledMicros: bigint;
  readonly settledCalls: number;
  readonly reservedMicros: bigint;
  /** Of the sessions' heads. */
  readonly spentMicros: bigint;
  readonly heldMicros: bigint;
  /** The costs that the results in the event log tell of. */
  readonly toldMicros: bigint;
  readonly events: number;
  /** Executions that have not ended. */
  readonly openExecutions: number;
}

const Told = z.object({ cost: z.object({ usd: z.string() }).optional() });

export async function accountTotals(db: Database): Promise<AccountTotals> {
  const spends = await db.selectFrom("spends").select(["micros", "status"]).execute();
  const sessions = await db.selectFrom("sessions").select(["spent_micros", "reserved_micros"]).execute();
  const results = await db.selectFrom("events").select("data").where("type", "=", "tool_result").execute();
  const { events } = await db
    .selectFrom("events")
    .select(({ fn }) => fn.countAll().as("events"))
    .executeTakeFirstOrThrow();
  const open = await db.selectFrom("executions").select("id").where("ended_at", "is", null).execute();
  const settled = spends.filter(({ status, micros }) => status === "settled" && BigInt(micros) > 0n);
  return {
    settledMicros: sum(settled.map(({ micros }) => micros)),
    settledCalls: settled.length,
    reservedMicros: sum(spends.filter(({ status }) => status === "reserved").map(({ micros }) => micros)),
    spentMicros: sum(sessions.map(({ spent_micros }) => spent_micros)),
    heldMicros: sum(sessions.map(({ reserved_micros }) => reserved_micros)),
    toldMicros: sum(results.map(({ data }) => usdMicros(Told.parse(JSON.parse(data)).cost?.usd ?? "0"))),
    events: Number(events),
    openExecutions: open.length,
  };
}

function sum(amounts: readonly (number | bigint)[]): bigint {
  return amounts.reduce<bigint>((total, amount) => total + BigInt(amount), 0n);
}
