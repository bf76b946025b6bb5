import * as z from "zod";
import { Decimal } from "./money.ts";

/** By what payments are summed up. A day is the UTC day whose budget a payment draws on. */
export const PaymentsBy = z.enum(["day", "payee", "tool", "session", "state"]);
export type PaymentsBy = z.infer<typeof PaymentsBy>;

/** What payments of one day, payee, tool, session or state come to, in USD of the budgets. */
export const PaymentSum = z.object({
  /** The day (`2026-01-31`), the payee's or tool's name, the session's id, or the state. */
  key: z.string(),
  /** Of a session. */
  title: z.string().optional(),
  /** How many there are, whatever became of them. */
  payments: z.int(),
  settled_usd: Decimal,
  /** What is set aside for those that have no end, also while a person is asked. */
  pending_usd: Decimal,
  /** The budget that they draw on, where one and the same holds for all of them. */
  limit_usd: Decimal.optional(),
});
export type PaymentSum = z.infer<typeof PaymentSum>;

/** The sums of the payments that were asked about; a payment is in one of them. */
export const PaymentTotals = z.object({ by: PaymentsBy, data: z.array(PaymentSum) });
export type PaymentTotals = z.infer<typeof PaymentTotals>;
