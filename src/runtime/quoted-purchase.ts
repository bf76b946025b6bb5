import { PaygentError } from "../protocol/errors.ts";
import { formatUnits, parseUnits } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import type { Price } from "./policy.ts";
import type { Purchase, Tool } from "./tool.ts";

/** A service's price for a call, frozen. */
export interface QuotedPurchase {
  readonly purchase: Purchase;
  readonly terms: PaymentTerms;
  /** Why a human is to be asked whatever the policy would let through; it cannot let a denied one through. */
  readonly mustAsk?: { readonly rule: string; readonly reason: string } | undefined;
}

/** Refuses a price above the ceiling that the call itself names. */
export function checkCeiling({ purchase, terms }: QuotedPurchase): void {
  if (purchase.maxAmount === undefined) return;
  const ceiling = parseUnits(purchase.maxAmount, terms.decimals);
  if (ceiling !== undefined && BigInt(terms.amount) <= ceiling) return;
  throw new PaygentError(
    "policy_denied",
    `${purchase.payee} asks ${formatUnits(BigInt(terms.amount), terms.decimals)} ${terms.currency}, ` +
      `more than the ${purchase.maxAmount} that this call may pay. Raise max_amount or do without it.`,
    { details: { rule: "max_amount" } },
  );
}

/** What a call costs, whom it pays and where it goes, for policy and budgets. */
export function priceOf(tool: Tool, args: Readonly<Record<string, unknown>>, quote: QuotedPurchase | undefined): Price {
  if (quote === undefined) return { micros: 0n, host: targetOf(tool, args) };
  const { purchase, terms } = quote;
  return {
    micros: BigInt(terms.usdMicros),
    payee: { payee: purchase.payee, payTo: terms.payTo, network: terms.network },
    host: hostOf(terms.url),
    isListed: purchase.isListed,
  };
}

function targetOf(tool: Tool, args: Readonly<Record<string, unknown>>): string | undefined {
  const url = tool.target?.(args);
  return url === undefined ? undefined : hostOf(url);
}

/** The host that a URL names; what is no URL of a host is judged by whoever opens it. */
function hostOf(url: string): string | undefined {
  const host = URL.parse(url)?.host;
  return host === "" ? undefined : host;
}
