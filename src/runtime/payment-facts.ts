import { formatUnits } from "../protocol/money.ts";
import type { PaymentRow } from "../store/payments.ts";

/** What a call's result says of a payment, under the names of the wire. */
export function paymentFacts({ id, payee, terms }: Pick<PaymentRow, "id" | "payee" | "terms">) {
  return {
    payment_id: id,
    payee,
    amount: formatUnits(BigInt(terms.amount), terms.decimals),
    currency: terms.currency,
    network: terms.network,
  };
}
