import * as z from "zod";
import { Id } from "./ids.ts";
import { Decimal, Usd } from "./money.ts";

/** A call to be judged without being made. With `amount` (in USD) no service is asked for its price. */
export const Simulate = z.strictObject({
  session_id: Id,
  tool_name: z.string().min(1).max(64),
  tool_args: z.record(z.string().max(200), z.unknown()).default({}),
  amount: Usd.optional(),
  payee: z.string().min(1).max(200).optional(),
});
export type Simulate = z.infer<typeof Simulate>;

/** One budget that a payment draws on, in USD. `after` is what would be left; absent when it does not suffice. */
export const BudgetDraw = z.object({
  budget: z.enum(["session", "daily", "payee"]),
  limit: Decimal,
  before: Decimal,
  after: Decimal.optional(),
});
export type BudgetDraw = z.infer<typeof BudgetDraw>;

/** What a call would meet now. `rule` names the setting that asks or denies, or the budget that does not suffice. */
export const Simulation = z.object({
  outcome: z.enum(["allow", "ask", "deny"]),
  rule: z.string().optional(),
  reason: z.string().optional(),
  estimated_cost: Decimal,
  payee: z.string().optional(),
  policy_version: z.int(),
  approvals_needed: z.int(),
  spend_rule_id: Id.optional(),
  budgets: z.array(BudgetDraw),
});
export type Simulation = z.infer<typeof Simulation>;
