import { askPrice, type Pricing } from "./quote.ts";
import { checkCeiling, type QuotedPurchase } from "./quoted-purchase.ts";
import type { Tool } from "./tool.ts";
import { isSafe } from "./web.ts";

const timeoutMs = 15_000;

/** What a call would pay by the service's word now, without making it; `undefined` when that is nothing, or not to be known. */
export async function quoteFor(
  pricing: Pricing,
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
): Promise<QuotedPurchase | undefined> {
  if (tool.effect !== "payment") return undefined;
  const purchase = tool.purchase(args);
  // A request that may change something goes out once, when the call runs; its price is asked about then.
  if (purchase.kind === "page" && !isSafe(purchase)) return undefined;
  const quote = await askPrice(pricing, purchase, AbortSignal.timeout(timeoutMs));
  if (quote.kind === "free") return undefined;
  const quoted = { purchase, terms: quote.terms };
  checkCeiling(quoted);
  return quoted;
}
