import { PaygentError } from "../protocol/errors.ts";
import { askPrice, type Pricing } from "./quote.ts";
import { checkCeiling, type QuotedPurchase } from "./quoted-purchase.ts";
import type { Purchase, Tool } from "./tool.ts";
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
  const purchase = purchaseFor(tool, args);
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

/**
 * What a person's arguments would pay for. A service in them that there is not is a wrong argument: `not_found`
 * says that their session or approval is not there.
 */
export function purchaseFor(
  tool: Extract<Tool, { effect: "payment" }>,
  args: Readonly<Record<string, unknown>>,
): Purchase {
  try {
    return tool.purchase(args);
  } catch (error) {
    if (!(error instanceof PaygentError) || error.code !== "not_found") throw error;
    throw new PaygentError("invalid_arguments", error.message, {
      ...(error.details === undefined ? {} : { details: error.details }),
      cause: error,
    });
  }
}
