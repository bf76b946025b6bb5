import { pino } from "pino";
import { createPublicClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { callRpc } from "../src/payments/json-rpc.ts";
import { tokenAbi } from "../src/payments/token.ts";
import { createWallet } from "../src/payments/wallet.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { startServer } from "../src/server/start.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { type OtherChain, startOtherChain } from "./support/other-chain.ts";
import { type RpcProxy, startRpcProxy } from "./support/rpc-proxy.ts";
import { authSecret, type ServerCalls, serverCalls } from "./support/server-calls.ts";
import { execute } from "./support/test-server.ts";

const patience = new AbortController().signal;
const command = "pay 0.10 USDC to market-data";
const nonceSecret = new Uint8Array(32).fill(7);
let chain: OtherChain;
let node: RpcProxy;
let database: TestDatabase;

beforeEach(async () => {
  chain = await startOtherChain();
  node = await startRpcProxy(chain.rpcUrl);
  database = await testDatabase();
});

afterEach(async () => {
  await node.close();
  await chain.close();
  await database.remove();
});

/** A server that pays on the network through its hosted node and facilitator. */
async function start({ hasRelayer = false } = {}): Promise<ServerCalls> {
  const server = await startServer(
    { port: 0, live: true },
    {
      logger: pino({ level: "silent" }),
      worker: { sweepMs: 50 },
      wallet: { account: privateKeyToAccount(chain.payerKey), nonceSecret },
      ...(hasRelayer ? { relayer: privateKeyToAccount(chain.relayerKey) } : {}),
      env: {
        PAYGENT_AUTH_SECRET: authSecret,
        PAYGENT_DATA_DIR: database.dataDir,
        ...database.env,
        ...chain.env,
        PAYGENT_RPC_URL: node.url,
      },
    },
  );
  const calls = serverCalls(server.url);
  onTestFinished(async () => {
    await calls.closeClients();
    await server.close();
  });
  return calls;
}

async function buy(server: ServerCalls) {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, command);
  await client.end(execution);
  return { id, client, result: dataOf(client, execution, "tool_result")[0] };
}

async function budgetOf(server: ServerCalls, id: string) {
  const { spent, reserved } = (await server.http("GET", `/sessions/${id}`)).body.budget;
  return { spent, reserved };
}

/** What the seller holds, asked of the chain itself. */
function paid(): Promise<bigint> {
  const client = createPublicClient({ transport: http(chain.rpcUrl), cacheTime: 0 });
  const call = { address: chain.token, abi: tokenAbi, functionName: "balanceOf", args: [chain.seller] } as const;
  return client.readContract(call);
}

async function head(): Promise<bigint> {
  return BigInt(String(await callRpc(chain.rpcUrl, "eth_blockNumber")));
}

test("a node that takes its time is waited for, and one payment is made", async () => {
  const server = await start();
  node.trouble = { delayMs: 300 };

  const { id, result } = await buy(server);

  expect(result).toMatchObject({ success: true, cost: { amount: "0.10" } });
  expect(await paid()).toBe(100_000n);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.10", reserved: "0.00" });
}, 30_000);

test("a node that refuses every second request as one too many is asked again, and one payment is made", async () => {
  const server = await start();
  node.trouble = { refuseEvery: 2 };

  const { id, result } = await buy(server);

  expect(node.refused).toBeGreaterThan(0);
  expect(result).toMatchObject({ success: true, cost: { amount: "0.10" } });
  expect(await paid()).toBe(100_000n);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.10", reserved: "0.00" });
}, 30_000);

test("a node that refuses everything holds a payment up; when it answers again one payment is made", async () => {
  const server = await start();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  node.trouble = { refuseEvery: 1 };

  const execution = execute(client, command);
  await expect.poll(() => node.refused, { timeout: 15_000 }).toBeGreaterThan(4);
  const meanwhile = await paid();
  node.trouble = {};
  await client.end(execution);

  expect(meanwhile).toBe(0n);
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: true, cost: { amount: "0.10" } }]);
  expect(await paid()).toBe(100_000n);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.10", reserved: "0.00" });
}, 60_000);

test.each([
  ["without a relayer", false],
  ["with a relayer", true],
])(
  "what a node that lags behind has not seen stays reserved, and is settled once it sees it, %s",
  async (_, hasRelayer) => {
    const server = await start({ hasRelayer });
    node.trouble = { lastBlock: await head() };

    const { id, client, result } = await buy(server);
    const meanwhile = await budgetOf(server, id);
    node.trouble = {};
    await expect.poll(() => budgetOf(server, id), { timeout: 20_000 }).toEqual({ spent: "0.10", reserved: "0.00" });
    const again = execute(client, command);
    await client.end(again);

    expect(result).toMatchObject({ success: false, error: { code: "payment_unknown" } });
    expect(meanwhile).toEqual({ spent: "0.00", reserved: "0.10" });
    // Asked for again, it is delivered for what was paid already.
    expect(dataOf(client, again, "tool_result")).toMatchObject([
      { success: true, result: { payment: { paid_before: true } } },
    ]);
    expect(await paid()).toBe(100_000n);
    expect(await budgetOf(server, id)).toEqual({ spent: "0.10", reserved: "0.00" });
  },
  60_000,
);

test("nodes of one address that are not level with each other do not make a payment look expired", async () => {
  const { account, rpcUrl } = { account: privateKeyToAccount(chain.payerKey), rpcUrl: node.url };
  const token = { address: chain.token, symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" };
  const clock = systemClock;
  const wallet = createWallet({
    account,
    nonceSecret,
    rpcUrl,
    network: chain.network,
    token,
    relayer: undefined,
    allowUrl: () => true,
    clock,
  });
  const quote = await wallet.quote(`${chain.merchantOrigin}/market-data`, patience);
  if (quote.kind !== "paid") throw new Error("market-data is not free.");
  const signed = await wallet.sign(quote.terms, { executionId: "e", toolId: "t", epoch: 0 });
  const before = await head();
  await wallet.send(quote.terms, signed, patience);
  await callRpc(chain.rpcUrl, "evm_increaseTime", [3600]);
  await callRpc(chain.rpcUrl, "anvil_mine", ["0x100"]);

  const states: string[] = [];
  for (const upToDate of [
    (method: string, tag: unknown) => method === "eth_getBlockByNumber" && tag === "finalized",
    (method: string) => method === "eth_getBlockByNumber",
    (method: string) => method === "eth_blockNumber" || method === "eth_getBlockByNumber",
    (method: string) => method !== "eth_getLogs",
  ]) {
    node.trouble = { lastBlock: before, upToDate };
    states.push(
      await wallet.outcome(quote.terms, signed).then(
        ({ state }) => state,
        () => "unavailable",
      ),
    );
  }
  node.trouble = {};
  const atLast = await wallet.outcome(quote.terms, signed);

  expect(states.filter((state) => !["open", "unavailable"].includes(state))).toEqual([]);
  expect(atLast).toMatchObject({ state: "settled" });
});

test("an authorization that nobody took has expired once a final block is past its time", async () => {
  const account = privateKeyToAccount(chain.payerKey);
  const token = { address: chain.token, symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" };
  const wallet = createWallet({
    account,
    nonceSecret,
    rpcUrl: node.url,
    network: chain.network,
    token,
    relayer: undefined,
    allowUrl: () => true,
    clock: systemClock,
  });
  const quote = await wallet.quote(`${chain.merchantOrigin}/market-data`, patience);
  if (quote.kind !== "paid") throw new Error("market-data is not free.");
  const signed = await wallet.sign(quote.terms, { executionId: "e", toolId: "t", epoch: 0 });

  const first = await wallet.outcome(quote.terms, signed);
  await callRpc(chain.rpcUrl, "evm_increaseTime", [3600]);
  await callRpc(chain.rpcUrl, "anvil_mine", ["0x100"]);
  const last = await wallet.outcome(quote.terms, signed);

  expect([first.state, last.state]).toEqual(["open", "expired"]);
});

test("a settlement that a reorganisation takes away before the node saw it gives the money back, and no other is made", async () => {
  const server = await start({ hasRelayer: true });
  node.trouble = { lastBlock: await head() };
  const { id, result } = await buy(server);

  await callRpc(chain.rpcUrl, "anvil_reorg", [1, []]);
  node.trouble = {};
  await expect.poll(() => budgetOf(server, id), { timeout: 20_000 }).toEqual({ spent: "0.00", reserved: "0.00" });

  expect(result).toMatchObject({ success: false, error: { code: "payment_unknown" } });
  expect(await paid()).toBe(0n);
}, 60_000);

test("a settlement that a reorganisation takes away after it was seen stays charged, and nothing else is paid for it", async () => {
  const server = await start();
  const { id, result } = await buy(server);

  await callRpc(chain.rpcUrl, "anvil_reorg", [1, []]);
  const taken = await paid();

  expect(result).toMatchObject({ success: true });
  expect(taken).toBe(0n);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.10", reserved: "0.00" });
}, 30_000);

test("a facilitator that is away moves no money, and what was set aside comes back", async () => {
  const server = await start({ hasRelayer: true });
  await chain.facilitator.kill();

  const { id, result } = await buy(server);

  expect(result).toMatchObject({ success: false });
  expect(await paid()).toBe(0n);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.00", reserved: "0.00" });
}, 30_000);
