import { createHash } from "node:crypto";
import { PaygentError } from "../../src/protocol/errors.ts";
import { formatUnits, parseUnits } from "../../src/protocol/money.ts";
import type { PaymentTerms } from "../../src/protocol/payment.ts";
import type { Service } from "../../src/protocol/resources.ts";
import type { ChainOutcome, Wallet } from "../../src/runtime/wallet.ts";
import type { PaidWorld } from "../../src/server/start.ts";

const network = "eip155:31337";
const prices: Readonly<Record<string, bigint>> = {
  "market-data": 100_000n,
  news: 2_000_000n,
  "premium-report": 25_000_000n,
  "gold-bar": 2_000_000_000n,
};

/** Stands in for the wallet's network: a book of who was paid, without a chain. Tests of money use the real one. */
export interface FakeWorld extends PaidWorld {
  /** Every authorization that was signed, by nonce. */
  readonly signed: ReadonlyMap<string, PaymentTerms>;
  /** The nonces that settled, each once. */
  readonly settled: readonly string[];
  /** What `send` does before it settles; tests hold it or let it throw. */
  beforeSettle: (terms: PaymentTerms) => Promise<void>;
  /** What is done before the book is read or written on the wallet's behalf; tests hold it or let it throw. */
  beforeChain: () => Promise<void>;
}

export function fakeWorld(): FakeWorld {
  const signed = new Map<string, PaymentTerms>();
  const settled: string[] = [];
  const cancelled = new Set<string>();
  const services = Object.entries(prices).map(
    ([name, amount]): Service => ({
      name,
      description: `Sells ${name}.`,
      url: `http://127.0.0.1:1/${name}`,
      price: formatUnits(amount, 6),
      currency: "USDC",
      network,
    }),
  );
  const world: FakeWorld = {
    signed,
    settled,
    beforeSettle: async () => undefined,
    beforeChain: async () => undefined,
    allowedHosts: [],
    catalogue: { list: () => services, find: (name) => services.find((service) => service.name === name) },
    wallet: fakeWallet(),
    close: async () => undefined,
  };

  function fakeWallet(): Wallet {
    const outcome = async (nonce: string): Promise<ChainOutcome> => {
      const txHash = `0x${createHash("sha256").update(nonce).digest("hex")}`;
      if (settled.includes(nonce)) return { state: "settled", txHash, block: "1" };
      return cancelled.has(nonce) ? { state: "cancelled", txHash } : { state: "open" };
    };
    return {
      balance: async () => ({ address: "0x01", network, currency: "USDC", amount: "100.00" }),
      async quote(url) {
        const [, service = ""] = new URL(url).pathname.split("/");
        const amount = prices[service];
        if (amount === undefined) throw new PaygentError("tool_failed", "The service is not there.");
        const text = String(amount);
        const base = { url, network, asset: "0x02", currency: "USDC", decimals: 6, payTo: "0x03" };
        return {
          kind: "paid",
          terms: { ...base, amount: text, usdMicros: text, maxTimeoutSeconds: 60, requirements: "{}" },
        };
      },
      termsOf: () => {
        throw new PaygentError("payment_terms_invalid", "Pages are not paid in the fake world.");
      },
      transferTerms: ({ to, amount }) => {
        const units = String(parseUnits(amount, 6) ?? 0n);
        const base = { url: "", network, asset: "0x02", currency: "USDC", decimals: 6, payTo: to };
        const terms = { ...base, amount: units, usdMicros: units, maxTimeoutSeconds: 60, requirements: "{}" };
        return { kind: "transfer", ...terms };
      },
      async sign(terms, intent) {
        const nonce = `${intent.executionId}/${intent.toolId}/${intent.epoch}`;
        signed.set(nonce, terms);
        return {
          payer: "0x01",
          nonce,
          validBefore: Math.floor(Date.now() / 1000) + 60,
          fromBlock: "0",
          header: "secret-header",
        };
      },
      async send(terms, { nonce }) {
        await world.beforeSettle(terms);
        if (!cancelled.has(nonce) && !settled.includes(nonce)) settled.push(nonce);
        return { status: 200, contentType: "application/json", body: '{"sold":true}' };
      },
      async outcome(_terms, { nonce }) {
        await world.beforeChain();
        return outcome(nonce);
      },
      async cancel(_terms, { nonce }) {
        await world.beforeChain();
        if (!settled.includes(nonce)) cancelled.add(nonce);
      },
    };
  }
  return world;
}
