import { leftOf } from "../protocol/budget.ts";
import { PaygentError } from "../protocol/errors.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import { countPayment } from "../store/payees.ts";
import { drawOnSpendRule } from "../store/spend-rules.ts";
import {
  addToDay,
  changeSpend,
  drawnByPayee,
  drawnOnDay,
  endSpend,
  findSpend,
  insertSpend,
  type SpendKey,
  type SpendPayee,
  type SpendRow,
  takeFromDay,
} from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";

/** The day, in UTC, whose budget something counts against. */
export function dayOf(at: string): string {
  return at.slice(0, 10);
}

/** What is to be set aside: how much, for whom, and on which spend rule's total it draws. */
export interface Draw {
  readonly micros: bigint;
  readonly payee?: SpendPayee | undefined;
  readonly ruleId?: string | undefined;
}

/**
 * Sets an amount aside for a call against every budget that applies, or says which one it would exceed. What
 * is set aside for the call already becomes this draw.
 */
export async function reserve(unit: Unit, key: SpendKey, draw: Draw): Promise<PaygentError | undefined> {
  const spend = await findSpend(unit.tx, key);
  if (spend === undefined && draw.micros === 0n) return undefined;
  if (spend !== undefined && spend.status !== "reserved") {
    throw new Error(`The reservation of call ${key.toolId} has ended.`);
  }
  const day = spend?.day ?? dayOf(unit.at);
  const refusal = await takeFromBudgets(unit, day, draw, spend);
  if (refusal !== undefined) return refusal;
  const { id: sessionId, userId } = unit.session;
  const { micros, payee, ruleId } = draw;
  if (spend === undefined) {
    const owner = { sessionId, userId, day, at: unit.at };
    await insertSpend(unit.tx, key, { ...owner, micros, payee, ruleId, status: "reserved" });
  } else {
    await changeSpend(unit.tx, key, { micros, payee, ruleId });
  }
  if (spend?.ruleId !== undefined) await drawOnSpendRule(unit.tx, spend.ruleId, -spend.micros);
  if (ruleId !== undefined) await drawOnSpendRule(unit.tx, ruleId, micros);
  return undefined;
}

async function takeFromBudgets(
  unit: Unit,
  day: string,
  draw: Draw,
  before: SpendRow | undefined,
): Promise<PaygentError | undefined> {
  const { session, execution } = unit;
  const micros = draw.micros - (before?.micros ?? 0n);

  const sessionLimit = usdMicros(session.config.budget_usd);
  const sessionLeft = sessionLimit - unit.spentMicros - unit.reservedMicros;
  if (micros > sessionLeft) return exceeded("session", "budget_usd", micros, sessionLeft);

  const limit = execution.budgetLimitMicros;
  if (limit !== undefined) {
    const left = limit - execution.spentMicros - execution.reservedMicros;
    if (micros > left) return exceeded("execution", "budget_limit_usd", micros, left);
  }

  const payeeRefusal = await payeeExceeded(unit, draw, before);
  if (payeeRefusal !== undefined) return payeeRefusal;

  const dayLimit = usdMicros(session.config.daily_budget_usd);
  if (!(await addToDay(unit.tx, session.userId, day, micros, dayLimit))) return dayExceeded(micros, dayLimit);

  unit.reservedMicros += micros;
  execution.reservedMicros += micros;
  return undefined;
}

/** What may be spent on a payee is counted anew each time, so a limit that changes holds for what was drawn before. */
async function payeeExceeded(
  { tx, session }: Unit,
  { micros, payee }: Draw,
  before: SpendRow | undefined,
): Promise<PaygentError | undefined> {
  if (payee === undefined) return undefined;
  for (const [name, limit] of payeeLimits(session.config.payee_budgets_usd, payee)) {
    const isOwn = before?.payee !== undefined && isNamed(name, before.payee);
    const others = (await drawnByPayee(tx, session.id, name)) - (isOwn ? before.micros : 0n);
    if (others + micros > limit) return exceeded("payee", `payee_budgets_usd["${name}"]`, micros, limit - others);
  }
  return undefined;
}

/** The limits of `payee_budgets_usd` that a payee falls under, by name and by address. */
export function payeeLimits(limits: Readonly<Record<string, string>>, payee: SpendPayee): [string, bigint][] {
  return Object.entries(limits)
    .filter(([name]) => isNamed(name, payee))
    .map(([name, limit]) => [name, usdMicros(limit)]);
}

function isNamed(name: string, { payee, payTo }: SpendPayee): boolean {
  return [payee, payTo].some((known) => known.toLowerCase() === name.toLowerCase());
}

function exceeded(budget: string, setting: string, micros: bigint, left: bigint): PaygentError {
  const rest = left > 0n ? left : 0n;
  return new PaygentError(
    "budget_exceeded",
    `This costs ${formatUsd(micros)} USD, but the ${budget}'s budget has ${formatUsd(rest)} USD left. ` +
      `Raise ${setting} or do without it.`,
    { details: { budget, rule: setting, needed_usd: formatUsd(micros), remaining_usd: formatUsd(rest) } },
  );
}

function dayExceeded(micros: bigint, limit: bigint): PaygentError {
  return new PaygentError(
    "budget_exceeded",
    `This costs ${formatUsd(micros)} USD, which would pass the daily budget of ${formatUsd(limit)} USD. ` +
      "Raise daily_budget_usd or wait until tomorrow (UTC).",
    { details: { budget: "daily", rule: "daily_budget_usd", needed_usd: formatUsd(micros) } },
  );
}

/**
 * Whether every budget still covers what was set aside for a call; a limit may have been lowered.
 */
export async function stillCovered(unit: Unit, key: SpendKey): Promise<PaygentError | undefined> {
  const spend = await findSpend(unit.tx, key);
  if (spend?.status !== "reserved") return undefined;
  const { session, execution, tx } = unit;
  const { config } = session;
  const over = (limit: bigint, drawn: bigint) => drawn > limit;
  const without = (limit: bigint, drawn: bigint) => leftOf(limit, drawn - spend.micros);

  const limit = usdMicros(config.budget_usd);
  const drawn = unit.spentMicros + unit.reservedMicros;
  if (over(limit, drawn)) return exceeded("session", "budget_usd", spend.micros, without(limit, drawn));
  const ownLimit = execution.budgetLimitMicros;
  const ownDrawn = execution.spentMicros + execution.reservedMicros;
  if (ownLimit !== undefined && over(ownLimit, ownDrawn)) {
    return exceeded("execution", "budget_limit_usd", spend.micros, without(ownLimit, ownDrawn));
  }
  const payee = await payeeExceeded(unit, spend, spend);
  if (payee !== undefined) return payee;
  const dayLimit = usdMicros(config.daily_budget_usd);
  if (over(dayLimit, await drawnOnDay(tx, session.userId, spend.day))) return dayExceeded(spend.micros, dayLimit);
  return undefined;
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
  const { userId } = unit.session;
  if (spend.payee === undefined) return;
  const { network, payTo: address } = spend.payee;
  await countPayment(unit.tx, { userId, network, address }, spend.micros, unit.at);
}

/** Gives back what was set aside for a call; the amount, in USD millionths. */
export async function release(unit: Unit, key: SpendKey): Promise<bigint> {
  const spend = await findSpend(unit.tx, key);
  if (spend?.status !== "reserved") return 0n;
  await endSpend(unit.tx, key, "released");
  await takeFromDay(unit.tx, unit.session.userId, spend.day, spend.micros);
  if (spend.ruleId !== undefined) await drawOnSpendRule(unit.tx, spend.ruleId, -spend.micros);
  unit.reservedMicros -= spend.micros;
  unit.execution.reservedMicros -= spend.micros;
  return spend.micros;
}
