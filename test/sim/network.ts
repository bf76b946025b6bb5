import { PaygentError } from "../../src/protocol/errors.ts";
import type { PageAnswer, Web } from "../../src/runtime/web.ts";
import type { ModelChain } from "./model-chain.ts";
import { authorizedIn, RpcError } from "./model-chain.ts";
import type { ModelShop, ShopAnswer } from "./model-shop.ts";
import { type Actor, actingNow, type VirtualTime } from "./virtual-time.ts";
import type { Watch } from "./watch.ts";
import type { Weather } from "./weather.ts";

export const rpcUrl = "http://chain.test/";

interface NetworkParts {
  readonly time: VirtualTime;
  readonly chain: ModelChain;
  readonly shop: ModelShop;
  readonly watch: Watch;
  readonly random: (limit: number) => number;
  weather(): Weather;
}

/** The way from a node to the chain and to the shop: it takes time, and loses requests and answers. */
export class ModelNetwork {
  readonly #parts: NetworkParts;

  /** Until when, in virtual time, the chain answers nobody. */
  chainDownUntil = 0;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** What `fetch` is for a node: the wallet asks chain and services with it. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const { chain, shop, time, watch } = this.#parts;
    const signal = init.signal ?? undefined;
    if (url === rpcUrl) {
      const asked: { id: number; method: string; params: readonly unknown[] } = JSON.parse(String(init.body));
      if (asked.method === "eth_sendTransaction") {
        const [what, signature] = authorizedIn((asked.params[0] as { data: `0x${string}` }).data);
        if (what.kind === "transfer") await watch.sends(what.nonce, signature);
      }
      const answer = await this.#carry(signal, async () => {
        if (time.now < this.chainDownUntil) throw new TypeError("fetch failed");
        return rpcAnswer(chain, asked);
      });
      return textResponse(200, { "content-type": "application/json" }, answer);
    }
    const header = new Headers(init.headers).get("payment-signature");
    if (header !== null) await shop.announce(header, watch);
    const answer = await this.#carry(signal, () => shop.visit(url, header ?? undefined));
    return textResponse(answer.status, answer.headers, answer.body);
  }

  /** The web as a node sees it. */
  readonly web: Web = {
    ask: async ({ url, method }, signal, requireHost): Promise<PageAnswer> => {
      requireHost(new URL(url).host);
      const answer = await reached(
        url,
        this.#carry(signal, () => this.#parts.shop.visit(url, undefined, method)),
      );
      return { url, response: responseOf(answer), paymentRequired: answer.headers["payment-required"] };
    },
    pay: async ({ url, method }, header, signal) => {
      signal.throwIfAborted();
      await this.#parts.shop.announce(header, this.#parts.watch);
      return responseOf(
        await reached(
          url,
          this.#carry(signal, () => this.#parts.shop.visit(url, header, method)),
        ),
      );
    },
  };

  /** Takes a request there and its answer back, unless one of them is lost. */
  #carry<T>(signal: AbortSignal | undefined, visit: () => Promise<T>): Promise<T> {
    const actor = actingNow();
    if (actor === undefined) throw new Error("Only nodes use the network.");
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal?.reason);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      const done = <Given>(settle: (given: Given) => void, given: Given) => {
        signal?.removeEventListener("abort", onAbort);
        settle(given);
      };
      const fail = () => done(reject, new TypeError("fetch failed"));
      this.#after(actor, () => {
        if (this.#happens("hangs")) return;
        if (this.#happens("requestLost")) return this.#after(actor, fail);
        // Whatever happens there is done by somebody else, who does not die with the node.
        actor.time.schedule(0, undefined, () => {
          void visit().then(
            (answer) => {
              if (this.#happens("hangs")) return;
              this.#after(actor, this.#happens("answerLost") ? fail : () => done(resolve, answer));
            },
            (error: unknown) => this.#after(actor, () => done(reject, error)),
          );
        });
      });
    });
  }

  #after(actor: Actor, work: () => void): void {
    actor.time.schedule(1 + this.#parts.random(20), actor, work);
  }

  #happens(what: keyof Weather): boolean {
    return this.#parts.random(1000) < this.#parts.weather()[what];
  }
}

/** What the web says of a page that did not answer. */
async function reached<T>(url: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (cause instanceof TypeError) throw new PaygentError("tool_failed", `${url} could not be reached.`, { cause });
    throw cause;
  }
}

function rpcAnswer(
  chain: ModelChain,
  { id, method, params }: { id: number; method: string; params: readonly unknown[] },
) {
  try {
    return JSON.stringify({ jsonrpc: "2.0", id, result: chain.rpc(method, params) });
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return JSON.stringify({ jsonrpc: "2.0", id, error: { code: 3, message: error.message } });
  }
}

function responseOf({ status, headers, body }: ShopAnswer) {
  return { status, contentType: headers["content-type"] ?? "", body };
}

/** As much of a response as is read of one; a whole one takes ten times as long to make. */
function textResponse(status: number, headers: Readonly<Record<string, string>>, text: string): Response {
  const response = {
    status,
    ok: status >= 200 && status < 300,
    statusText: "",
    headers: { get: (name: string) => headers[name.toLowerCase()] ?? null },
    text: async () => text,
    body: { getReader: () => readerOf(text), [Symbol.asyncIterator]: () => chunksOf(text) },
  };
  return response as unknown as Response;
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function readerOf(text: string) {
  const chunks = chunksOf(text);
  return { read: () => chunks.next(), releaseLock: () => undefined };
}
