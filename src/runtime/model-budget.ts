import { leftOf } from "../protocol/budget.ts";
import { PaygentError } from "../protocol/errors.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import { changeSpend, findSpend, holdDay, reservedOfExecution, type SpendKey, takeFromDay } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { dayOf, release, reserve, settle } from "./budget.ts";
import { fewestOutputOf, type ModelPrice, mostOf, outputThatFits } from "./model-price.ts";

interface Limit {
  readonly budget: string;
  readonly rule: string;
  readonly left: bigint;
}

/**
 * Sets aside the most that a request to a model can cost, against every budget that applies. Gives how many
 * tokens the answer may have: fewer where little is left, and an error where too little is.
 */
export async function reserveForModel(
  unit: Unit,
  key: SpendKey,
  { price, inputBytes }: { readonly price: ModelPrice; readonly inputBytes: number },
): Promise<number | PaygentError> {
  const tightest = (await limitsOf(unit)).reduce((least, limit) => (limit.left < least.left ? limit : least));
  const outputTokens = outputThatFits(price, inputBytes, tightest.left);
  if (outputTokens === undefined) return tooLittle(tightest, mostOf(price, inputBytes, fewestOutputOf(price)));
  const refusal = await reserve(unit, key, { micros: mostOf(price, inputBytes, outputTokens) });
  return refusal ?? outputTokens;
}

async function limitsOf({
  tx,
  at,
  session,
  execution,
  spentMicros,
  reservedMicros,
}: Unit): Promise<[Limit, ...Limit[]]> {
  const { config, userId } = session;
  const drawnOnDay = await holdDay(tx, userId, dayOf(at));
  const own = execution.budgetLimitMicros;
  return [
    { budget: "session", rule: "budget_usd", left: leftOf(usdMicros(config.budget_usd), spentMicros + reservedMicros) },
    ...(own === undefined
      ? []
      : [
          {
            budget: "execution",
            rule: "budget_limit_usd",
            left: leftOf(own, execution.spentMicros + execution.reservedMicros),
          },
        ]),
    { budget: "daily", rule: "daily_budget_usd", left: leftOf(usdMicros(config.daily_budget_usd), drawnOnDay) },
  ];
}

function tooLittle({ budget, rule, left }: Limit, needed: bigint): PaygentError {
  const name = budget === "daily" ? "daily budget" : `${budget}'s budget`;
  return new PaygentError(
    "budget_exceeded",
    `The model's next step may cost ${formatUsd(needed)} USD, but the ${name} has ${formatUsd(left)} USD left. ` +
      `Raise ${rule} or choose a cheaper model.`,
    { details: { budget, rule, needed_usd: formatUsd(needed), remaining_usd: formatUsd(left) } },
  );
}

/**
 * Turns what was set aside for a request into what it has cost; `undefined` is for what nobody can tell, and
 * charges all of it. More than was set aside is charged where the budgets have it, else an error says so.
 */
export async function settleForModel(
  unit: Unit,
  key: SpendKey,
  costMicros: bigint | undefined,
): Promise<PaygentError | undefined> {
  const spend = await findSpend(unit.tx, key);
  if (spend?.status !== "reserved") return undefined;
  const micros = costMicros ?? spend.micros;
  if (micros === 0n) {
    await release(unit, key);
    return undefined;
  }
  let refusal: PaygentError | undefined;
  if (micros > spend.micros) refusal = await reserve(unit, key, { micros });
  else if (micros < spend.micros) {
    const rest = spend.micros - micros;
    await changeSpend(unit.tx, key, { ...spend, micros });
    await takeFromDay(unit.tx, unit.session.userId, spend.day, rest);
    unit.reservedMicros -= rest;
    unit.execution.reservedMicros -= rest;
  }
  await settle(unit, key);
  return refusal;
}

/**
 * Charges whole what is set aside for requests whose end nobody here will see: those of a run that was cut off
 * or stopped. `known` are the requests of the run that asks.
 */
export async function settleForgotten(unit: Unit, known: ReadonlySet<string> = new Set()): Promise<void> {
  if (unit.execution.reservedMicros === 0n) return;
  for (const spend of await reservedOfExecution(unit.tx, unit.execution.id)) {
    // Whatever else is set aside is for a payee.
    const isForModel = spend.payee === undefined && spend.micros > 0n;
    if (isForModel && !known.has(spend.toolId)) await settleForModel(unit, spend, undefined);
  }
}
