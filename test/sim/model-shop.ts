import { type Address, getAddress, type Hex } from "viem";
import type { Service } from "../../src/protocol/resources.ts";
import type { Catalogue } from "../../src/runtime/wallet.ts";
import { type ModelChain, network, RpcError, token } from "./model-chain.ts";
import type { VirtualTime } from "./virtual-time.ts";
import type { Watch } from "./watch.ts";
import type { Weather } from "./weather.ts";

export interface ShopAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is sold, in millionths of a USD: below the threshold of a question, above it, and above what may be paid. */
const prices: Readonly<Record<string, bigint>> = {
  data: 100_000n,
  news: 2_000_000n,
  report: 5_000_000n,
  page: 150_000n,
  post: 1_500_000n,
  castle: 40_000_000n,
};
const origin = "http://shop.test";
const payees = ["c1", "c2"].map((byte) => getAddress(`0x${byte.repeat(20)}`));
const free = "free";

const services = [...Object.keys(prices), free].map(
  (name): Service => ({ name, description: name, url: `${origin}/${name}`, price: "1", currency: "USDC", network }),
);
export const catalogue: Catalogue = {
  list: () => services,
  find: (name) => services.find((service) => service.name === name),
};

interface Payment {
  readonly authorization: { to: Address; value: string; validBefore: string; nonce: Hex };
  readonly signature: Hex;
}

interface ShopParts {
  readonly time: VirtualTime;
  readonly chain: ModelChain;
  readonly random: (limit: number) => number;
  weather(): Weather;
}

/** Sells for x402 payments, most of the time; what it may do instead is what services of the world have done. */
export class ModelShop {
  readonly #parts: ShopParts;
  /** What was paid for, by nonce, for customers who ask again. */
  readonly #sold = new Set<Hex>();
  readonly #drifted = new Map<string, { price: bigint; payTo: Address | undefined }>();
  constructor(parts: ShopParts) {
    this.#parts = parts;
  }

  /** Tells the watch what a customer is about to send. */
  async announce(header: string, watch: Watch): Promise<void> {
    const { authorization, signature } = paymentIn(header);
    await watch.sends(authorization.nonce, signature);
  }

  async visit(url: string, header: string | undefined, method = "GET"): Promise<ShopAnswer> {
    const name = new URL(url).pathname.slice(1);
    if (name === free) return answer(200, { sold: name });
    if (prices[name] === undefined) return answer(404, { error: "not found" });
    return header === undefined ? this.#offer(name, url) : this.#sell(name, url, paymentIn(header), method);
  }

  #offer(name: string, url: string): ShopAnswer {
    if (this.#happens("drifts")) {
      const { price, payTo } = this.#priceOf(name);
      this.#drifted.set(name, this.#parts.random(2) === 0 ? { price: price * 2n, payTo } : { price, payTo: payees[1] });
    }
    const { price, payTo } = this.#priceOf(name);
    const accepted = {
      scheme: "exact",
      network,
      asset: token.address,
      amount: String(price),
      payTo,
      maxTimeoutSeconds: [1, 60, 3600][this.#parts.random(3)],
      extra: { name: token.name, version: token.version },
    };
    const resource = { url, description: name, mimeType: "application/json" };
    const offer = Buffer.from(JSON.stringify({ x402Version: 2, resource, accepts: [accepted] })).toString("base64");
    return answer(402, { error: "Payment required" }, { "payment-required": offer });
  }

  #priceOf(name: string) {
    return this.#drifted.get(name) ?? { price: prices[name] ?? 1n, payTo: payees[0] };
  }

  async #sell(name: string, url: string, payment: Payment, method: string): Promise<ShopAnswer> {
    const { nonce } = payment.authorization;
    const content = answer(200, { sold: name, method });
    if (!this.#happens("dishonest")) {
      if (this.#sold.has(nonce)) return content;
      if (!(await this.#settle(payment))) return this.#offer(name, url);
      this.#sold.add(nonce);
      return content;
    }
    const receipt = { "payment-response": Buffer.from('{"success":true,"transaction":"0x1"}').toString("base64") };
    switch (this.#parts.random(6)) {
      case 0:
        // Says that it was paid, and never takes the money.
        return answer(200, { sold: name }, receipt);
      case 1:
        // Takes it and fails.
        await this.#settle(payment);
        return answer(500, { error: "failed" });
      case 2:
        // Takes it and asks for more.
        await this.#settle(payment);
        return this.#offer(name, url);
      case 3:
        // Says that it failed, and takes it later: within the time that it was signed for, or after.
        this.#parts.time.schedule(this.#parts.random(900_000), undefined, () => void this.#settle(payment));
        return answer(500, { error: "later" });
      case 4:
        // Takes it twice at once.
        await Promise.all([this.#settle(payment), this.#settle(payment)]);
        return answer(200, { sold: name });
      default:
        return answer(402, { error: "no" });
    }
  }

  /** Hands the authorization to the chain and waits for it; whether the money came. */
  async #settle({ authorization, signature }: Payment): Promise<boolean> {
    const { chain, time } = this.#parts;
    const { to, value, validBefore, nonce } = authorization;
    const what = { kind: "transfer", to, value: BigInt(value), validBefore: BigInt(validBefore), nonce } as const;
    try {
      const hash = chain.submit(what, signature);
      while (chain.resultOf(hash) === undefined) {
        await new Promise<void>((resolve) => time.schedule(200, undefined, resolve));
      }
      return chain.resultOf(hash) === true;
    } catch (error) {
      if (error instanceof RpcError) return false;
      throw error;
    }
  }

  #happens(what: keyof Weather): boolean {
    return this.#parts.random(1000) < this.#parts.weather()[what];
  }
}

function paymentIn(header: string): Payment {
  return JSON.parse(Buffer.from(header, "base64").toString("utf8")).payload;
}

function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): ShopAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}
