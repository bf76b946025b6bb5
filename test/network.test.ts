import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import { createPublicClient, http } from "viem";
import { privateKeyToAccount, toAccount } from "viem/accounts";
import { beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { writeKeystore } from "../src/payments/keystore-file.ts";
import { parseUnits } from "../src/protocol/money.ts";
import { type ServerParts, startServer } from "../src/server/start.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { type OtherChain, startOtherChain } from "./support/other-chain.ts";
import { authSecret, serverCalls } from "./support/server-calls.ts";
import { execute } from "./support/test-server.ts";

const passphrase = "correct horse battery";
let chain: OtherChain;
let database: TestDatabase;

beforeAll(async () => {
  chain = await startOtherChain();
  return () => chain.close();
});

beforeEach(async () => {
  database = await testDatabase();
  return () => database.remove();
});

/** Keys as a KMS gives them: an account that signs somewhere else. */
function keysElsewhere(): Pick<ServerParts, "wallet" | "relayer"> {
  const kms = privateKeyToAccount(chain.payerKey);
  const account = toAccount({
    address: kms.address,
    signMessage: () => Promise.reject(new Error("The KMS signs no messages.")),
    signTransaction: () => Promise.reject(new Error("The KMS signs no transactions.")),
    signTypedData: (typedData) => kms.signTypedData(typedData),
  });
  return { wallet: { account, nonceSecret: new Uint8Array(32).fill(7) } };
}

async function start(env: Record<string, string>, parts: ServerParts = keysElsewhere(), live = true) {
  const server = await startServer(
    { port: 0, live },
    {
      logger: pino({ level: "silent" }),
      worker: { sweepMs: 50 },
      ...parts,
      env: { PAYGENT_AUTH_SECRET: authSecret, PAYGENT_DATA_DIR: database.dataDir, ...database.env, ...env },
    },
  );
  const calls = serverCalls(server.url);
  onTestFinished(async () => {
    await calls.closeClients();
    await server.close();
  });
  return { ...server, ...calls };
}

async function buy(server: Awaited<ReturnType<typeof start>>, command: string) {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, command);
  await client.end(execution);
  return dataOf(client, execution, "tool_result")[0];
}

async function heldByPayer(server: Awaited<ReturnType<typeof start>>): Promise<string> {
  const { body } = await server.http("GET", "/wallet");
  expect(body).toMatchObject({ address: chain.payer, network: "eip155:84532", currency: "USDC" });
  return body.amount;
}

test("a server with a keystore and --live pays on the network of its settings, once", async () => {
  const keystore = join(database.dataDir, "keystore.json");
  await writeKeystore(keystore, chain.payerKey, passphrase);
  const server = await start({ ...chain.env, PAYGENT_KEYSTORE_PASSPHRASE: passphrase }, {});
  const before = parseUnits(await heldByPayer(server), 6) ?? 0n;

  const result = await buy(server, "pay 0.10 USDC to market-data");

  expect(result).toMatchObject({ success: true, cost: { amount: "0.10", currency: "USDC" } });
  expect(parseUnits(await heldByPayer(server), 6)).toBe(before - 100_000n);
});

test("an account that signs elsewhere, such as in a KMS, pays the same", async () => {
  const server = await start(chain.env);

  expect(await buy(server, "pay 0.10 USDC to market-data")).toMatchObject({ success: true, cost: { amount: "0.10" } });
});

test("a relayer pays the gas that voids what a service did not take", async () => {
  const relayer = privateKeyToAccount(chain.relayerKey);
  const server = await start(chain.env, { ...keysElsewhere(), relayer });
  const before = await heldByPayer(server);

  const result = await buy(server, "pay 0.10 USDC to bait");

  expect(result).toMatchObject({ success: false, error: { code: "payment_failed" } });
  expect(await heldByPayer(server)).toBe(before);
  const client = createPublicClient({ transport: http(chain.rpcUrl) });
  expect(await client.getTransactionCount({ address: relayer.address })).toBe(1);
});

test("without a relayer what a service did not take stays reserved until it has expired", async () => {
  const server = await start(chain.env);
  const before = await heldByPayer(server);

  const result = await buy(server, "pay 0.10 USDC to bait");

  expect(result).toMatchObject({ success: false, error: { code: "payment_unknown" } });
  expect(await heldByPayer(server)).toBe(before);
});

test("without --live nothing starts", async () => {
  await expect(start(chain.env, keysElsewhere(), false)).rejects.toThrow(
    "PAYGENT_CHAIN is eip155:84532, where payments move real money. Start with --live to allow that, or set PAYGENT_CHAIN=local.",
  );
});

test("--live without a network is refused", async () => {
  await expect(start({})).rejects.toThrow("--live allows payments with real money, but PAYGENT_CHAIN is local.");
});

test("an own wallet on the local chain is refused", async () => {
  await expect(start({}, keysElsewhere(), false)).rejects.toThrow("set PAYGENT_CHAIN to a network and give live: true");
});

test.each([
  [
    "a node of another chain",
    { PAYGENT_CHAIN: "eip155:8453" },
    "leads to the chain eip155:84532, but PAYGENT_CHAIN is eip155:8453",
  ],
  ["a node that does not answer", { PAYGENT_RPC_URL: "http://127.0.0.1:9/key" }, "PAYGENT_RPC_URL does not answer"],
  ["no node", { PAYGENT_RPC_URL: "" }, "PAYGENT_RPC_URL must be the URL of one of its nodes"],
  ["a chain that is no CAIP-2 id", { PAYGENT_CHAIN: "base" }, "PAYGENT_CHAIN must be local or a CAIP-2 id"],
  ["no token where none is known", { PAYGENT_CHAIN: "eip155:1", PAYGENT_ASSET: "" }, "No token is known on eip155:1"],
  ["the known token where it is not", { PAYGENT_ASSET: "" }, "there is no contract at this address"],
  [
    "a mistyped token",
    { PAYGENT_ASSET: "0x036cbd53842c5426634e7929541eC2318f3dCF7e" },
    "PAYGENT_ASSET must be the address of a token",
  ],
  ["a token of another name", { PAYGENT_ASSET_NAME: "USDC" }, 'its signatures are not made for the name "USDC"'],
  ["a token of another version", { PAYGENT_ASSET_VERSION: "1" }, 'version "1"'],
  ["a token of other decimals", { PAYGENT_ASSET_DECIMALS: "18" }, "it has 6 decimals, not 18"],
  ["a token of another symbol", { PAYGENT_ASSET_SYMBOL: "EURC" }, "its symbol is not EURC"],
  [
    "a token's name without a token",
    { PAYGENT_ASSET: "", PAYGENT_ASSET_NAME: "x" },
    "PAYGENT_ASSET_NAME describes a token",
  ],
  ["a facilitator that does not answer", { PAYGENT_FACILITATOR_URL: "http://127.0.0.1:9" }, "PAYGENT_FACILITATOR_URL"],
  [
    "a list of services that is not there",
    { PAYGENT_SERVICES: "/no/services.json" },
    "/no/services.json cannot be read",
  ],
  [
    "a list of services that is none",
    { PAYGENT_SERVICES: import.meta.filename },
    "PAYGENT_SERVICES must name a JSON file",
  ],
])(
  "%s is refused at the start, and the next start finds the folder free",
  async (_what, env: Record<string, string>, sentence) => {
    const error = await start({ ...chain.env, ...env }).catch((reason: unknown) => reason);

    expect(String(error)).toContain(sentence);
    expect(String(error)).not.toContain("/key");
  },
);

test("a contract that is no token is refused", async () => {
  const multicall = "0xcA11bde05977b3631167028862bE2a173976CA11";

  await expect(start({ ...chain.env, PAYGENT_ASSET: multicall })).rejects.toThrow(
    "the contract does not answer symbol()",
  );
});

test.each([
  ["of the network", "eip155:84532", undefined],
  ["of another network", "eip155:8453", "does not settle scheme exact"],
])("a facilitator %s", async (_which, network, sentence) => {
  const listener: RequestListener = (_request, response) => {
    const kinds = [{ x402Version: 2, scheme: "exact", network }];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ kinds, extensions: [], signers: {} }));
  };
  const facilitator = createServer(listener);
  await new Promise<void>((resolve) => facilitator.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void facilitator.close());
  const url = `http://127.0.0.1:${(facilitator.address() as AddressInfo).port}`;

  const error = await start({ ...chain.env, PAYGENT_FACILITATOR_URL: url }).then(
    () => "started",
    (reason: unknown) => String(reason),
  );

  expect(error).toContain(sentence ?? "started");
});

test("a keystore is opened only with its passphrase, which the settings or a person give", async () => {
  const keystore = join(database.dataDir, "keystore.json");
  await expect(start(chain.env, {})).rejects.toThrow(`There is no keystore at ${keystore}.`);
  await writeKeystore(keystore, chain.payerKey, passphrase);
  await expect(start(chain.env, {})).rejects.toThrow(`The keystore ${keystore} needs its passphrase.`);
  await expect(start({ ...chain.env, PAYGENT_KEYSTORE_PASSPHRASE: "wrong" }, {})).rejects.toThrow(
    `The passphrase does not open the keystore ${keystore}`,
  );

  const server = await start(chain.env, { askPassphrase: async () => passphrase });

  expect(await heldByPayer(server)).toMatch(/^\d+\.\d\d$/);
});
