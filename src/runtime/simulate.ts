import { leftOf } from "../protocol/budget.ts";
import { PaygentError } from "../protocol/errors.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { BudgetDraw, Simulate, Simulation } from "../protocol/simulation.ts";
import type { SessionRow } from "../store/sessions.ts";
import { drawnByPayee, drawnOnDay } from "../store/spends.ts";
import type { Database } from "../store/statement.ts";
import { type Caller, sessionFor } from "./access.ts";
import { dayOf, payeeLimits } from "./budget.ts";
import { checkArgs, toolNamed } from "./checked-call.ts";
import { isoTime } from "./clock.ts";
import { approvalsNeeded, judge, type Price } from "./policy.ts";
import { policyFacts } from "./policy-facts.ts";
import { purchaseFor, quoteFor } from "./price-check.ts";
import { priceOf } from "./quoted-purchase.ts";
import type { Runtime } from "./runtime.ts";
import type { Tool } from "./tool.ts";

/**
 * What a call would meet if an agent made it now. Nothing is set aside, asked or recorded; where no `amount` is
 * given a payment's price is asked of its service, without paying.
 */
export async function simulate(runtime: Runtime, caller: Caller, input: Simulate): Promise<Simulation> {
  const { db } = runtime.store;
  const session = await sessionFor(db, caller, input.session_id);
  const tool = toolNamed(runtime.tools, input.tool_name);
  const at = isoTime(runtime.clock.now());
  const base = { policy_version: session.policyVersion };
  let price: Price;
  try {
    price = await priceFor(runtime, session.config, tool, input);
  } catch (error) {
    if (!(error instanceof PaygentError) || error.code !== "policy_denied") throw error;
    return { ...base, ...denialOf(error), estimated_cost: "0.00", approvals_needed: 0, budgets: [] };
  }
  const facts = await policyFacts(db, session, { tool, price, at });
  const verdict = judge({ tool, price, config: session.config, facts });
  const draws = await budgetDraws(db, session, price, at);
  const short = draws.find(({ after }) => after === undefined);
  const found = {
    ...base,
    estimated_cost: formatUsd(price.micros),
    ...(price.payee === undefined ? {} : { payee: price.payee.payee }),
    approvals_needed: approvalsNeeded(session.config, price.micros),
    budgets: draws,
  };
  if (verdict.kind === "deny") return { ...found, ...denialOf(verdict.error) };
  if (short !== undefined) {
    const reason = `This costs ${found.estimated_cost} USD, but the ${short.budget} budget has ${short.before} USD left.`;
    return { ...found, outcome: "deny", rule: settingOf[short.budget], reason };
  }
  if (verdict.kind === "ask") {
    const needed = Math.max(1, found.approvals_needed);
    return { ...found, approvals_needed: needed, outcome: "ask", rule: verdict.rule, reason: verdict.reason };
  }
  const spendRule = verdict.spendRule === undefined ? {} : { spend_rule_id: verdict.spendRule.id };
  return { ...found, outcome: "allow", ...spendRule };
}

const settingOf = {
  session: "budget_usd",
  daily: "daily_budget_usd",
  payee: "payee_budgets_usd",
} as const satisfies Record<BudgetDraw["budget"], string>;

function denialOf(error: PaygentError) {
  const { rule } = error.details ?? {};
  return { outcome: "deny" as const, rule: typeof rule === "string" ? rule : error.code, reason: error.message };
}

async function priceFor(runtime: Runtime, config: SessionConfig, tool: Tool, input: Simulate): Promise<Price> {
  if (input.amount !== undefined) return statedPrice(tool, input, input.amount);
  const args = checkArgs(tool, input.tool_args);
  return priceOf(tool, args, await quoteFor({ ...runtime, config }, tool, args));
}

/** A price that the caller makes up; the payee is who the caller names, else whom the arguments name. */
function statedPrice(tool: Tool, { tool_args, payee: named }: Simulate, amount: string): Price {
  const hasArgs = named === undefined || Object.keys(tool_args).length > 0;
  const purchase = tool.effect === "payment" && hasArgs ? purchaseFor(tool, checkArgs(tool, tool_args)) : undefined;
  const payee = named ?? purchase?.payee;
  const isListed = payee === purchase?.payee ? purchase?.isListed : undefined;
  return {
    micros: usdMicros(amount),
    ...(payee === undefined ? {} : { payee: { payee, payTo: payee, network: "" } }),
    ...(isListed === undefined ? {} : { isListed }),
    ...(purchase === undefined || purchase.kind === "transfer" ? {} : { host: URL.parse(purchase.url)?.host }),
  };
}

async function budgetDraws(db: Database, session: SessionRow, price: Price, at: string): Promise<BudgetDraw[]> {
  const { config } = session;
  const draw = (budget: BudgetDraw["budget"], limit: bigint, drawn: bigint): BudgetDraw => {
    const left = leftOf(limit, drawn);
    const after = price.micros > left ? {} : { after: formatUsd(left - price.micros) };
    return { budget, limit: formatUsd(limit), before: formatUsd(left), ...after };
  };
  const draws = [
    draw("session", usdMicros(config.budget_usd), session.spentMicros + session.reservedMicros),
    draw("daily", usdMicros(config.daily_budget_usd), await drawnOnDay(db, session.userId, dayOf(at))),
  ];
  const limits = price.payee === undefined ? [] : payeeLimits(config.payee_budgets_usd, price.payee);
  for (const [name, limit] of limits) draws.push(draw("payee", limit, await drawnByPayee(db, session.id, name)));
  return draws;
}
