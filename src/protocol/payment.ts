import * as z from "zod";

/**
 * The frozen terms of one payment, as checked when the service was asked for its price. Amounts are
 * decimal digits of the asset's smallest unit; addresses are checksummed.
 */
export const PaymentTerms = z.object({
  url: z.string(),
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
export const ServiceResponse = z.object({ status: z.int(), contentType: z.string(), body: z.string() });
export type ServiceResponse = z.infer<typeof ServiceResponse>;

/** A signed authorization. `header` is a secret until the payment has ended. */
export const SignedPayment = z.object({
  nonce: z.string(),
  /** Unix seconds after which the authorization cannot settle any more. */
  validBefore: z.int(),
  /** The block from which on a settlement can be found. */
  fromBlock: z.string(),
  header: z.string(),
});
export type SignedPayment = z.infer<typeof SignedPayment>;
