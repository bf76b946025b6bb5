import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { callRpc } from "../../src/payments/json-rpc.ts";

/** What is wrong with a hosted node, as its customers see it. */
export interface NodeTrouble {
  /** How long it takes over each answer. */
  readonly delayMs?: number;
  /** Every so manieth request is answered 429. */
  readonly refuseEvery?: number;
  /** The last block that it knows of; newer ones and all that is in them it has not seen yet. */
  readonly lastBlock?: bigint;
  /** What is answered by a machine that is up to date although the others are not. */
  readonly upToDate?: (method: string, tag: unknown) => boolean;
}

/** A hosted node: a machine, or several behind one address, between a wallet and its chain. */
export interface RpcProxy {
  readonly url: string;
  readonly requests: readonly string[];
  /** How many requests were answered 429. */
  readonly refused: number;
  trouble: NodeTrouble;
  close(): Promise<void>;
}

const Call = z.object({ id: z.unknown(), method: z.string(), params: z.array(z.unknown()).default([]) });
type Call = z.infer<typeof Call>;
const Mined = z.object({ blockNumber: z.string() });
const Filter = z.looseObject({ fromBlock: z.string().optional(), toBlock: z.string().optional() });
const moving: readonly unknown[] = ["latest", "pending", undefined];
/** Where in a call's parameters the block stands. */
const blockAt: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_getCode: 1,
  eth_getBalance: 1,
  eth_getTransactionCount: 1,
  eth_getBlockByNumber: 0,
};

/** Puts a troubled node before the chain at `rpcUrl`; without trouble it passes everything on. */
export async function startRpcProxy(rpcUrl: string): Promise<RpcProxy> {
  const requests: string[] = [];
  let refused = 0;
  let trouble: NodeTrouble = {};

  async function answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const text = await textOf(request);
    const call = Call.parse(JSON.parse(text));
    requests.push(call.method);
    const { delayMs, refuseEvery, lastBlock, upToDate } = trouble;
    if (delayMs !== undefined) await delay(delayMs);
    if (refuseEvery !== undefined && requests.length % refuseEvery === 0) {
      refused += 1;
      return { status: 429, body: "Too many requests; your key is rate limited." };
    }
    const place = blockAt[call.method];
    const isBehind = lastBlock !== undefined && upToDate?.(call.method, place && call.params[place]) !== true;
    const reply = isBehind ? await asOf(lastBlock, call) : await passOn(text);
    return { status: 200, body: typeof reply === "string" ? reply : JSON.stringify({ jsonrpc: "2.0", ...reply }) };
  }

  const passOn = async (body: string) => {
    const headers = { "content-type": "application/json" };
    return (await fetch(rpcUrl, { method: "POST", headers, body })).text();
  };

  /** What a node answers that knows of nothing after `last`. */
  async function asOf(last: bigint, { id, method, params }: Call): Promise<object> {
    const hex = `0x${last.toString(16)}`;
    const isAfter = (block: unknown) => typeof block === "string" && /^0x/.test(block) && BigInt(block) > last;
    if (method === "eth_blockNumber") return { id, result: hex };
    const place = blockAt[method];
    if (place !== undefined) {
      if (isAfter(params[place])) return { id, error: { code: -32000, message: "header not found" } };
      const asked = moving.includes(params[place]) ? params.toSpliced(place, 1, hex) : params;
      return { id, result: await callRpc(rpcUrl, method, asked) };
    }
    if (method === "eth_getLogs") {
      const filter = Filter.parse(params[0]);
      if (isAfter(filter.fromBlock)) return { id, result: [] };
      const to = isAfter(filter.toBlock) || moving.includes(filter.toBlock) ? hex : filter.toBlock;
      return { id, result: await callRpc(rpcUrl, method, [{ ...filter, toBlock: to }]) };
    }
    const result = await callRpc(rpcUrl, method, params);
    const mined = Mined.safeParse(result);
    return { id, result: mined.success && isAfter(mined.data.blockNumber) ? null : result };
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ({ status, body }) => response.writeHead(status, { "content-type": "application/json" }).end(body),
      (error: unknown) => response.writeHead(502).end(String(error)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get refused() {
      return refused;
    },
    get trouble() {
      return trouble;
    },
    set trouble(now) {
      trouble = now;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += chunk;
  return text;
}
