import { PaygentError } from "../protocol/errors.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import { contentHash } from "./binding.ts";
import { requireHost } from "./policy.ts";
import type { Purchase } from "./tool.ts";
import { traced } from "./traced.ts";
import type { Quote, Wallet } from "./wallet.ts";
import type { Web } from "./web.ts";

/** What prices are asked with. */
export interface Pricing {
  readonly wallet: Wallet;
  readonly web: Web;
  /** Of the session, whose lists of hosts hold for wherever a page leads. */
  readonly config: SessionConfig;
}

/** Asks what a purchase costs, without paying. A page that wants no money has thereby been read. */
export function askPrice(pricing: Pricing, purchase: Purchase, signal: AbortSignal): Promise<Quote> {
  const attributes = { "paygent.payment.kind": purchase.kind ?? "service" };
  return traced("payment quote", attributes, () => ask(pricing, purchase, signal));
}

async function ask({ wallet, web, config }: Pricing, purchase: Purchase, signal: AbortSignal): Promise<Quote> {
  switch (purchase.kind) {
    case "transfer":
      return { kind: "paid", terms: wallet.transferTerms(purchase) };
    case "page": {
      const { url, response, paymentRequired } = await web.ask(purchase, signal, (host) => requireHost(host, config));
      if (response.status !== 402) return { kind: "free", response };
      if (paymentRequired === undefined) throw unreadable(url);
      const { method, body } = purchase;
      return { kind: "paid", terms: wallet.termsOf({ url, method, body }, paymentRequired) };
    }
    case "service":
    case undefined:
      return wallet.quote(purchase.url, signal);
  }
}

function unreadable(url: string): PaygentError {
  return new PaygentError(
    "payment_terms_invalid",
    `${URL.parse(url)?.host ?? "The page"} asks for a payment (HTTP 402) but not by x402 version 2, which is all ` +
      "that can be paid. Nothing was paid; use another one.",
  );
}

/** Tells the same purchase from others, whichever call asks for it. */
export function requestHash(purchase: Purchase): string {
  switch (purchase.kind) {
    case "transfer": {
      const { to, amount, currency } = purchase;
      return contentHash(["transfer", to.toLowerCase(), amount.replace(/\.?0*$/, ""), currency.toLowerCase()]);
    }
    case "page":
      return contentHash(["page", purchase.url, purchase.method, purchase.body ?? null]);
    case "service":
    case undefined:
      return contentHash(["service", purchase.url]);
  }
}
