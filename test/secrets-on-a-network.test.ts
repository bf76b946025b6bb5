import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeKeystore } from "../src/payments/keystore-file.ts";
import { keysOf } from "../src/payments/wallet-keys.ts";
import { ask } from "./support/ask.ts";
import { startOtherChain } from "./support/other-chain.ts";
import { paymentSecrets, type Secret, secretsIn, spawnRecorded } from "./support/recorded-secrets.ts";
import { startRpcProxy } from "./support/rpc-proxy.ts";
import { authSecret, serverCalls } from "./support/server-calls.ts";
import { databaseForProcesses } from "./support/server-process.ts";
import { execute } from "./support/test-server.ts";

const passphrase = "canary passphrase of the wallet";
const relayerPassphrase = "canary passphrase of the relayer";
const accessKey = "canary-access-key-of-the-node-0123456789";

test("no key, passphrase, access key or signature is in anything that a server on a network writes", async () => {
  const database = await databaseForProcesses();
  const chain = await startOtherChain();
  const node = await startRpcProxy(chain.rpcUrl);
  onTestFinished(async () => {
    await node.close();
    await chain.close();
  });
  const relayerKeystore = join(database.dataDir, "relayer.json");
  const passphraseFile = join(database.dataDir, "passphrase");
  await writeKeystore(join(database.dataDir, "keystore.json"), chain.payerKey, passphrase);
  await writeKeystore(relayerKeystore, chain.relayerKey, relayerPassphrase);
  writeFileSync(passphraseFile, `${relayerPassphrase}\n`, { mode: 0o600 });
  const env = {
    PATH: process.env.PATH,
    PAYGENT_AUTH_SECRET: authSecret,
    PAYGENT_DATA_DIR: database.dataDir,
    LOG_LEVEL: "trace",
    ...database.env,
    ...chain.env,
    PAYGENT_RPC_URL: `${node.url}/v2/${accessKey}`,
    PAYGENT_KEYSTORE_PASSPHRASE: passphrase,
    PAYGENT_RELAYER_KEYSTORE: relayerKeystore,
    PAYGENT_RELAYER_PASSPHRASE_FILE: passphraseFile,
  };
  const written: string[] = [];
  const start = spawnRecorded(["start", "--live", "--json", "--port", "0"], env, written);
  onTestFinished(() => void start.child.kill("SIGKILL"));
  const { url } = JSON.parse(await start.firstLine) as { url: string };
  const calls = serverCalls(url);

  // What ends well, what is voided, and what the node, the facilitator or both fail at.
  const { id } = await calls.createSession();
  const client = await calls.connect(id);
  for (const service of ["market-data", "bait"]) await client.end(execute(client, `buy ${service}`));
  const held = execute(client, "buy market-data");
  node.trouble = { refuseEvery: 1 };
  await expect.poll(() => node.refused, { timeout: 15_000 }).toBeGreaterThan(4);
  await calls.http("GET", "/wallet").then(({ body }) => written.push(JSON.stringify(body)));
  await ask(client, "cancel", { execution_id: held });
  node.trouble = { lastBlock: 1n };
  await client.end(execute(client, "buy market-data"));
  node.trouble = {};
  await chain.facilitator.kill();
  await client.end(execute(client, "buy market-data"));
  node.trouble = { refuseEvery: 1 };
  await calls.http("GET", "/wallet").then(({ body }) => written.push(JSON.stringify(body)));
  for (const path of ["/payments", `/logs?session_id=${id}`, "/approvals", "/services"]) {
    written.push(JSON.stringify((await calls.http("GET", path)).body));
  }

  // The commands that open the keystore, and a start that cannot.
  for (const args of [["wallet", "address"], ["wallet", "balance"], ["doctor"]]) {
    await spawnRecorded(args, { ...env, PORT: "1" }, written).ended;
  }
  for (const wrong of [
    { PAYGENT_KEYSTORE_PASSPHRASE: "canary of a wrong one" },
    { PAYGENT_RPC_URL: `http://127.0.0.1:9/${accessKey}` },
  ]) {
    const folder = {
      PAYGENT_DATA_DIR: join(database.dataDir, "other"),
      PAYGENT_KEYSTORE: join(database.dataDir, "keystore.json"),
    };
    await spawnRecorded(["start", "--live", "--port", "0"], { ...env, ...folder, ...wrong }, written).ended;
  }
  written.push(...client.frames);
  await calls.closeClients();
  start.child.kill("SIGTERM");
  await start.ended;

  const { nonceSecret } = keysOf(chain.payerKey);
  const signed = await paymentSecrets(database, { key: chain.payerKey, token: chain.token, chainId: 84_532 });
  const secrets: Secret[] = [
    ["the wallet's key", chain.payerKey],
    ["the relayer's key", chain.relayerKey],
    ["the nonce secret", `0x${Buffer.from(nonceSecret).toString("hex")}`],
    ["the wallet's passphrase", passphrase],
    ["the relayer's passphrase", relayerPassphrase],
    ["a wrong passphrase", "canary of a wrong one"],
    ["the node's access key", accessKey],
    ["the token secret", authSecret],
    ...signed,
  ];
  expect(signed.length).toBeGreaterThan(8);
  expect(written.some((line) => line.includes('"level":'))).toBe(true);
  expect(secretsIn(written, secrets)).toEqual([]);
}, 180_000);
