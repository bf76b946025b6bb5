import * as z from "zod";
import { Usd } from "./money.ts";

/**
 * "Approve always", as data: calls of one tool (to one payee, when named) up to `max_amount` USD each and
 * `total` USD together run without a question until `expires_at`.
 */
export const SpendRule = z.strictObject({
  tool_name: z.string().min(1).max(64),
  payee: z.string().min(1).max(200).optional(),
  max_amount: Usd,
  total: Usd.optional(),
  expires_at: z.iso.datetime({ offset: true }).optional(),
});
export type SpendRule = z.infer<typeof SpendRule>;
