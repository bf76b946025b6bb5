import * as z from "zod";
import type { Tool } from "../../src/runtime/tool.ts";
import type { Quote } from "../../src/runtime/wallet.ts";
import { type FakeWorld, fakeWorld } from "./fake-world.ts";

const Args = z.strictObject({ url: z.string(), note: z.string().optional() });

/** A payment tool that buys from any URL, as one does that no catalogue vouches for. */
export const buyTool: Tool = {
  name: "buy",
  description: "Buys from a URL.",
  args: Args,
  effect: "payment",
  purchase(args) {
    const { url } = Args.parse(args);
    return { url, payee: new URL(url).host };
  },
};

/** What a seller asks for now; tests change it. */
export interface Offer {
  amount: string;
  payTo: string;
  network: string;
  asset: string;
  description?: string;
  isFree?: boolean;
}

/** A fake world in which every URL that is not of its catalogue sells at one offer. */
export function worldWithOffer(offer: Offer): FakeWorld {
  const world = fakeWorld();
  const { wallet } = world;
  const quote = async (url: string, signal: AbortSignal): Promise<Quote> => {
    if (url.startsWith("http://127.0.0.1:1/")) return wallet.quote(url, signal);
    if (offer.isFree === true) {
      return { kind: "free", response: { status: 200, contentType: "text/plain", body: "free" } };
    }
    const { isFree: _, ...asked } = offer;
    const terms = { url, currency: "USDC", decimals: 6, usdMicros: asked.amount, maxTimeoutSeconds: 60 };
    return { kind: "paid", terms: { ...terms, ...asked, requirements: "{}" } };
  };
  return Object.assign(world, { wallet: { ...wallet, quote } });
}

export function newOffer(change: Partial<Offer> = {}): Offer {
  return { amount: "500000", payTo: "0xA1", network: "eip155:31337", asset: "0x02", ...change };
}
