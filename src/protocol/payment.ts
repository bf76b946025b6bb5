import * as z from "zod";

/**
 * The frozen terms of one payment, as checked when its price was asked. Amounts are decimal digits of the
 * asset's smallest unit; addresses are checksummed.
 */
export const PaymentTerms = z.object({
  /** What is paid for: a service of the catalogue unless told, any page of the web, or nothing but the transfer itself. */
  kind: z.enum(["service", "page", "transfer"]).optional(),
  /** Where the paid request goes; empty for a transfer. */
  url: z.string(),
  /** GET unless told. */
  method: z.string().optional(),
  /** What the paid request carries, as it did when the price was asked. */
  body: z.string().optional(),
  network: z.string(),
  asset: z.string(),
  currency: z.string(),
  decimals: z.int(),
  payTo: z.string(),
  amount: z.string().regex(/^\d{1,30}$/),
  /** What the amount takes from USD budgets, in millionths. */
  usdMicros: z.string().regex(/^\d{1,18}$/),
  maxTimeoutSeconds: z.int(),
  /** The resource, the accepted option and the extensions exactly as the service wrote them, as JSON; needed to build the payment payload. */
  requirements: z.string(),
  description: z.string().optional(),
});
export type PaymentTerms = z.infer<typeof PaymentTerms>;

/** What a service answered. */
export const ServiceResponse = z.object({
  status: z.int(),
  contentType: z.string(),
  body: z.string(),
  /** Set when there was more than is kept. */
  truncated: z.literal(true).optional(),
});
export type ServiceResponse = z.infer<typeof ServiceResponse>;

/** A signed authorization. `header` is a secret until the payment has ended. */
export const SignedPayment = z.object({
  /** The address whose money it moves. */
  payer: z.string(),
  nonce: z.string(),
  /** Unix seconds after which the authorization cannot settle any more. */
  validBefore: z.int(),
  /** The block from which on a settlement can be found. */
  fromBlock: z.string(),
  header: z.string(),
});
export type SignedPayment = z.infer<typeof SignedPayment>;
