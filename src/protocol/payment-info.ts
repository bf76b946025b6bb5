import * as z from "zod";
import { Id } from "./ids.ts";
import { Decimal } from "./money.ts";

const Timestamp = z.iso.datetime();

/** How far a payment got. `unknown` may still move money; the last three are ends. */
export const PaymentState = z.enum([
  "quoted",
  "reserved",
  "signed",
  "sent",
  "unknown",
  "settled",
  "cancelled",
  "expired",
]);
export type PaymentState = z.infer<typeof PaymentState>;

/** Whether what was paid for came. A transfer pays for nothing, so it has none. */
export const ContentState = z.enum(["delivered", "missing"]);
export type ContentState = z.infer<typeof ContentState>;

/** One payment of a session. `payee` is whom people know, `pay_to` the address on the chain. */
export const PaymentInfo = z.object({
  payment_id: Id,
  session_id: Id,
  execution_id: Id,
  tool_id: Id,
  tool_name: z.string(),
  state: PaymentState,
  content: ContentState.optional(),
  payee: z.string(),
  pay_to: z.string(),
  amount: Decimal,
  currency: z.string(),
  /** What it takes from USD budgets. */
  usd: Decimal,
  network: z.string(),
  asset: z.string(),
  tx_hash: z.string().optional(),
  /** The payment that this one repeats, because nothing was delivered for it. */
  repeats: Id.optional(),
  quoted_at: Timestamp,
  /** When it was settled, cancelled or expired. */
  ended_at: Timestamp.optional(),
});
export type PaymentInfo = z.infer<typeof PaymentInfo>;

/** What was agreed before anything was signed. `description` is the service's own text: untrusted. */
const PaymentTermsInfo = z.object({
  kind: z.enum(["service", "page", "transfer"]),
  url: z.string().optional(),
  method: z.string().optional(),
  description: z.string().optional(),
});

export const PaymentMoment = z.object({
  state: z.enum([...PaymentState.options, ...ContentState.options]),
  at: Timestamp,
});
export type PaymentMoment = z.infer<typeof PaymentMoment>;

/** The proof of a settled payment, by which anybody can find it on the chain. */
export const Receipt = z.object({
  tx_hash: z.string(),
  block: z.string(),
  payer: z.string(),
  payee: z.string(),
  amount: Decimal,
  currency: z.string(),
  network: z.string(),
  asset: z.string(),
  nonce: z.string(),
});
export type Receipt = z.infer<typeof Receipt>;

/** A payment with all that is known of it; `receipt` once it has settled. */
export const PaymentDetail = z.object({
  ...PaymentInfo.shape,
  terms: PaymentTermsInfo,
  /** In the order in which it happened. */
  timeline: z.array(PaymentMoment),
  receipt: Receipt.optional(),
});
export type PaymentDetail = z.infer<typeof PaymentDetail>;

/** A sum of payments of one currency on one network. */
export const StatementTotal = z.object({
  currency: z.string(),
  network: z.string(),
  amount: Decimal,
  usd: Decimal,
  payments: z.int(),
});
export type StatementTotal = z.infer<typeof StatementTotal>;

/**
 * A session's payments in a period: those that settled in it, and those that were open at its end as far as
 * is known now.
 */
export const Statement = z.object({
  session_id: Id,
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  created_at: Timestamp,
  payments: z.array(PaymentInfo),
  /** What has left the wallet. */
  settled: z.array(StatementTotal),
  /** What is set aside for payments that have no end yet. */
  pending: z.array(StatementTotal),
});
export type Statement = z.infer<typeof Statement>;
