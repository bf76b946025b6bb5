import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { createPublicClient, type Hex, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { callRpc } from "../src/payments/json-rpc.ts";
import { tokenAbi } from "../src/payments/token.ts";
import { startServer } from "../src/server/start.ts";
import { ask } from "./support/ask.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { kmsAccount } from "./support/kms-account.ts";
import { type OtherChain, startOtherChain } from "./support/other-chain.ts";
import { type OtherProcess, startOtherProcess } from "./support/other-process.ts";
import { foundInMemory } from "./support/process-memory.ts";
import { authSecret, type ServerCalls, serverCalls } from "./support/server-calls.ts";
import { execute } from "./support/test-server.ts";

const nonceSecret = randomBytes(32);
let chain: OtherChain;
let kms: OtherProcess;
let database: TestDatabase;

beforeAll(async () => {
  chain = await startOtherChain();
});
afterAll(() => chain.close());

beforeEach(async () => {
  kms = await startOtherProcess("kms-process", { TEST_KEY: chain.payerKey });
  database = await testDatabase();
  return async () => {
    await kms.kill();
    await database.remove();
  };
});

function serverEnv() {
  return {
    PAYGENT_AUTH_SECRET: authSecret,
    PAYGENT_DATA_DIR: database.dataDir,
    ...database.env,
    ...chain.env,
  };
}

async function start(): Promise<ServerCalls> {
  const server = await startServer(
    { port: 0, live: true },
    {
      logger: pino({ level: "silent" }),
      worker: { sweepMs: 50 },
      wallet: { account: kmsAccount(kms.url, chain.payer), nonceSecret },
      relayer: privateKeyToAccount(chain.relayerKey),
      env: serverEnv(),
    },
  );
  const calls = serverCalls(server.url);
  onTestFinished(async () => {
    await calls.closeClients();
    await server.close();
  });
  return calls;
}

async function behave(behaviour: { way?: string; delayMs?: number }): Promise<void> {
  await fetch(`${kms.url}/behave`, { method: "POST", body: JSON.stringify(behaviour) });
}

async function buy(server: ServerCalls, service = "market-data") {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, `pay 0.10 USDC to ${service}`);
  await client.end(execution);
  return { id, result: dataOf(client, execution, "tool_result")[0] };
}

async function budgetOf(server: ServerCalls, id: string) {
  const { spent, reserved } = (await server.http("GET", `/sessions/${id}`)).body.budget;
  return { spent, reserved };
}

/** What the seller holds, asked of the chain. */
function paid(): Promise<bigint> {
  const client = createPublicClient({ transport: http(chain.rpcUrl), cacheTime: 0 });
  const call = { address: chain.token, abi: tokenAbi, functionName: "balanceOf", args: [chain.seller] } as const;
  return client.readContract(call);
}

const bytesOf = (hex: Hex) => Buffer.from(hex.slice(2), "hex");

test.runIf(process.platform === "linux")(
  "a key in a signing service pays, and is never in the memory of the server",
  async () => {
    const server = await startOtherProcess("kms-server-process", {
      ...serverEnv(),
      TEST_KMS_URL: kms.url,
      TEST_KMS_ADDRESS: chain.payer,
      TEST_NONCE_SECRET: `0x${nonceSecret.toString("hex")}`,
    });
    onTestFinished(() => server.kill());
    const calls = serverCalls(server.url);
    onTestFinished(() => calls.closeClients());
    const before = await paid();

    const { id, result } = await buy(calls);

    expect(result).toMatchObject({ success: true, cost: { amount: "0.10" } });
    expect((await paid()) - before).toBe(100_000n);
    expect(await budgetOf(calls, id)).toEqual({ spent: "0.10", reserved: "0.00" });
    const key = bytesOf(chain.payerKey);
    const forms = [key, Buffer.from(key.toString("hex")), Buffer.from(key.toString("base64"))];
    // What is there is found: the nonce secret, and the key where it is.
    expect(foundInMemory(server.pid, [...forms, nonceSecret])).toEqual([false, false, false, true]);
    expect(foundInMemory(kms.pid, forms)).toContain(true);
  },
  60_000,
);

test("a signing service that takes its time is waited for", async () => {
  const server = await start();
  await behave({ delayMs: 1500 });
  const before = await paid();

  const { id, result } = await buy(server);

  expect(result).toMatchObject({ success: true });
  expect((await paid()) - before).toBe(100_000n);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.10", reserved: "0.00" });
});

test.each([
  ["refuses", () => behave({ way: "refuse" }), "refused or could not be reached"],
  ["is down", () => kms.kill(), "refused or could not be reached"],
  ["signs with another key", () => behave({ way: "forge" }), "a signature that is none of"],
  ["answers nonsense", () => behave({ way: "babble" }), "a signature that is none of"],
  ["does not answer", () => behave({ way: "silent" }), "did not answer within 10 seconds"],
])(
  "a signing service that %s pays nothing, and what was set aside comes back",
  async (_, go, sentence) => {
    const server = await start();
    await go();
    const before = await paid();

    const { id, result } = await buy(server);

    expect(result).toMatchObject({
      success: false,
      error: { code: "payment_failed", message: expect.stringContaining(sentence) },
    });
    expect(await paid()).toBe(before);
    expect(await budgetOf(server, id)).toEqual({ spent: "0.00", reserved: "0.00" });
  },
  30_000,
);

test("once the signing service is back the same is paid, once", async () => {
  const server = await start();
  await behave({ way: "refuse" });
  await buy(server);
  await behave({});
  const before = await paid();

  const { result } = await buy(server);

  expect(result).toMatchObject({ success: true });
  expect((await paid()) - before).toBe(100_000n);
});

test("an execution that is cancelled while its payment is being signed gives everything back at once", async () => {
  const server = await start();
  await behave({ way: "silent" });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "pay 0.10 USDC to market-data");
  await client.find((event) => event.type === "budget" && event.data.reserved === "0.10");
  const before = await paid();

  const startedAt = performance.now();
  const cancelled = await ask(client, "cancel", { execution_id: execution });

  expect(cancelled).toMatchObject({ type: "cancelled", data: { released_usd: "0.10" } });
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect(await paid()).toBe(before);
  expect(await budgetOf(server, id)).toEqual({ spent: "0.00", reserved: "0.00" });
});

test("what cannot be voided because its cancellation is not signed comes back when it has expired", async () => {
  const server = await start();
  await behave({ way: "refuse-cancellations" });
  const before = await paid();

  const { id, result } = await buy(server, "bait");
  const meanwhile = await budgetOf(server, id);
  await callRpc(chain.rpcUrl, "evm_increaseTime", [3600]);
  await callRpc(chain.rpcUrl, "anvil_mine", ["0x100"]);
  await expect.poll(() => budgetOf(server, id), { timeout: 20_000 }).toEqual({ spent: "0.00", reserved: "0.00" });

  expect(result).toMatchObject({ success: false, error: { code: "payment_unknown" } });
  expect(meanwhile).toEqual({ spent: "0.00", reserved: "0.10" });
  expect(await paid()).toBe(before);
}, 60_000);
