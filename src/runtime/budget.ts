import { PaygentError } from "../protocol/errors.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import {
  addToDay,
  changeSpend,
  endSpend,
  findSpend,
  insertSpend,
  type SpendKey,
  takeFromDay,
} from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";

/** The day, in UTC, whose budget something counts against. */
function dayOf(at: string): string {
  return at.slice(0, 10);
}

/**
 * Sets an amount aside for a call against every budget that applies, or says which one it would exceed. What
 * is set aside for the call already becomes this amount.
 */
export async function reserve(unit: Unit, key: SpendKey, micros: bigint): Promise<PaygentError | undefined> {
  const spend = await findSpend(unit.tx, key);
  if (micros === (spend?.micros ?? 0n)) return undefined;
  if (spend !== undefined && spend.status !== "reserved") {
    throw new Error(`The reservation of call ${key.toolId} has ended.`);
  }
  const day = spend?.day ?? dayOf(unit.at);
  const refusal = await takeFromBudgets(unit, day, micros - (spend?.micros ?? 0n));
  if (refusal !== undefined) return refusal;
  const { id: sessionId, userId } = unit.session;
  if (spend === undefined) await insertSpend(unit.tx, key, { sessionId, userId, day, micros, at: unit.at });
  else await changeSpend(unit.tx, key, micros);
  return undefined;
}

async function takeFromBudgets(unit: Unit, day: string, micros: bigint): Promise<PaygentError | undefined> {
  const { session, execution } = unit;

  const sessionLimit = usdMicros(session.config.budget_usd);
  const sessionLeft = sessionLimit - unit.spentMicros - unit.reservedMicros;
  if (micros > sessionLeft) return exceeded("session", "budget_usd", micros, sessionLeft);

  const limit = execution.budgetLimitMicros;
  if (limit !== undefined) {
    const left = limit - execution.spentMicros - execution.reservedMicros;
    if (micros > left) return exceeded("execution", "budget_limit_usd", micros, left);
  }

  const dayLimit = usdMicros(session.config.daily_budget_usd);
  if (!(await addToDay(unit.tx, session.userId, day, micros, dayLimit))) {
    return new PaygentError(
      "budget_exceeded",
      `This costs ${formatUsd(micros)} USD, which would pass the daily budget of ${formatUsd(dayLimit)} USD. ` +
        "Raise daily_budget_usd or wait until tomorrow (UTC).",
      { details: { budget: "daily", needed_usd: formatUsd(micros) } },
    );
  }

  unit.reservedMicros += micros;
  execution.reservedMicros += micros;
  return undefined;
}

function exceeded(budget: string, setting: string, micros: bigint, left: bigint): PaygentError {
  return new PaygentError(
    "budget_exceeded",
    `This costs ${formatUsd(micros)} USD, but the ${budget}'s budget has ${formatUsd(left)} USD left. ` +
      `Raise ${setting} or do without it.`,
    { details: { budget, needed_usd: formatUsd(micros), remaining_usd: formatUsd(left) } },
  );
}

/** Turns what was set aside for a call into money spent. */
export async function settle(unit: Unit, key: SpendKey): Promise<void> {
  const spend = await findSpend(unit.tx, key);
  if (spend?.status !== "reserved") return;
  await endSpend(unit.tx, key, "settled");
  unit.reservedMicros -= spend.micros;
  unit.spentMicros += spend.micros;
  unit.execution.reservedMicros -= spend.micros;
  unit.execution.spentMicros += spend.micros;
}

/** Gives back what was set aside for a call; the amount, in USD millionths. */
export async function release(unit: Unit, key: SpendKey): Promise<bigint> {
  const spend = await findSpend(unit.tx, key);
  if (spend?.status !== "reserved") return 0n;
  await endSpend(unit.tx, key, "released");
  await takeFromDay(unit.tx, unit.session.userId, spend.day, spend.micros);
  unit.reservedMicros -= spend.micros;
  unit.execution.reservedMicros -= spend.micros;
  return spend.micros;
}
