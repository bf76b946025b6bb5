import { PaygentError } from "../protocol/errors.ts";
import { askPrice, type Pricing } from "./quote.ts";
import { checkCeiling, type QuotedPurchase } from "./quoted-purchase.ts";
import type { Tool } from "./tool.ts";
import { isSafe } from "./web.ts";

const patienceMs = 15_000;

/**
 * What a call would pay by the service's word now, without making it; `undefined` when that is nothing, or not to
 * be known. Besides what asking for a price may throw, `timeout` when the service is silent for too long.
 */
export async function quoteFor(
  pricing: Pricing,
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  timeoutMs = patienceMs,
): Promise<QuotedPurchase | undefined> {
  if (tool.effect !== "payment") return undefined;
  const purchase = tool.purchase(args);
  // A request that may change something goes out once, when the call runs; its price is asked about then.
  if (purchase.kind === "page" && !isSafe(purchase)) return undefined;
  const deadline = AbortSignal.timeout(timeoutMs);
  const quote = await askPrice(pricing, purchase, deadline).catch((error: unknown) => {
    if (!deadline.aborted || error instanceof PaygentError) throw error;
    const sentence = `${purchase.payee} named no price within ${timeoutMs / 1000} seconds. Try again later.`;
    throw new PaygentError("timeout", sentence, { cause: error });
  });
  if (quote.kind === "free") return undefined;
  const quoted = { purchase, terms: quote.terms };
  checkCeiling(quoted);
  return quoted;
}
