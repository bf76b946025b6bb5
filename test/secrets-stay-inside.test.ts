import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Hex, isHex } from "viem";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { adoptAnvil } from "../src/payments/anvil.ts";
import { callRpc } from "../src/payments/json-rpc.ts";
import { ask } from "./support/ask.ts";
import type { TestDatabase } from "./support/database.ts";
import { paymentSecrets, type Secret, secretsIn, spawnRecorded } from "./support/recorded-secrets.ts";
import { authSecret, serverCalls } from "./support/server-calls.ts";
import { databaseForProcesses } from "./support/server-process.ts";
import { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";

const modelKey = "sk-canary-of-a-model-provider-0123456789";
const pause = "0x8456cb59";
const unpause = "0x3f4ba83a";

test("no key, token, ticket, signature or payment header is in anything that a full run writes", async () => {
  const database = await databaseForProcesses();
  const written: string[] = [];
  const env = {
    PATH: process.env.PATH,
    PAYGENT_AUTH_SECRET: authSecret,
    PAYGENT_DATA_DIR: database.dataDir,
    LOG_LEVEL: "trace",
    OPENAI_API_KEY: modelKey,
    ...database.env,
  };
  const start = spawnRecorded(["start", "--json", "--port", "0"], env, written);
  onTestFinished(() => void start.child.kill("SIGKILL"));
  const { url } = JSON.parse(await start.firstLine) as { url: string };
  const calls = serverCalls(url);
  const secrets: Secret[] = [
    ["the token secret", authSecret],
    ["the model's key", modelKey],
  ];
  const get = async (path: string, token: string) => {
    const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    written.push(await response.text(), JSON.stringify([...response.headers]));
  };

  // What ends well, what fails, what is asked about, edited and cancelled.
  const token = await calls.token("alice");
  secrets.push(["a token", token]);
  const session = await calls.createSession({ approval_threshold_usd: "1" }, "alice");
  const client = await calls.connect(session.id, { userId: "alice" });
  for (const service of ["market-data", "flaky", "bait", "status"]) await client.end(execute(client, `buy ${service}`));
  const asked = execute(client, "pay 2 USDC to news");
  const { data: request } = await client.first("approval_required", asked);
  await ask(client, "approve", { request_id: request.request_id });
  await client.end(asked);
  const slow = execute(client, "buy slow");
  await client.find((event) => event.type === "tool_call" && event.data.execution_id === slow);
  await ask(client, "cancel", { execution_id: slow });
  await client.end(slow);
  await onChain(database, pause);
  await client.end(execute(client, "buy bait"));
  await onChain(database, unpause);

  // Tickets, and credentials that are refused or stand where they should not.
  const ticket = await calls.http("POST", "/tickets", { body: { session_id: session.id }, userId: "alice" });
  secrets.push(["a ticket", ticket.body.ticket]);
  const forged = `${token.slice(0, -4)}AAAA`;
  secrets.push(["a forged token", forged]);
  for (const credential of [ticket.body.ticket, ticket.body.ticket, token, forged]) {
    const query = `session_id=${session.id}&token=${encodeURIComponent(credential)}`;
    const socket = new TestClient(`${url.replace("http", "ws")}/api/v1/ws?${query}`, {});
    await Promise.race([socket.first("connected"), socket.closed]);
    written.push(...socket.frames, JSON.stringify(await socket.close().then(() => socket.closed)));
  }
  client.send(`{"type":"execute","data":{"command":"x","token":"${token}"}}`);
  client.send(`{"type":"${token}","data":{}}`);
  await ask(client, "ping", {});
  for (const path of [
    "/api/v1/sessions",
    `/api/v1/sessions/${session.id}`,
    `/api/v1/sessions/${session.id}/executions`,
    `/api/v1/sessions/${session.id}/events?after_seq=0`,
    `/api/v1/logs?session_id=${session.id}`,
    "/api/v1/approvals",
    "/api/v1/payments",
    "/api/v1/wallet",
    "/api/v1/services",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    `/api/v1/ws?session_id=${session.id}&token=${token}`,
    `/nowhere?token=${token}`,
  ])
    await get(path, token);
  await get("/api/v1/sessions", forged);

  // The command line, in its words and as JSON.
  for (const args of [["sessions"], ["run", "buy market-data"], ["run", "buy flaky", "--json"]])
    await spawnRecorded([...args, "--url", url, "--token", token], { PATH: process.env.PATH }, written).ended;
  await spawnRecorded(["sessions", "--url", url, "--token", forged], { PATH: process.env.PATH }, written).ended;

  written.push(...client.frames);
  await calls.closeClients();
  start.child.kill("SIGTERM");
  await start.ended;

  const { private_key: key } = walletFile(database);
  const signed = await paymentSecrets(database, { key, token: tokenOf(database).address, chainId: 31337 });
  secrets.push(...walletSecrets(database), ...signed);
  expect(secrets.length).toBeGreaterThan(15);
  expect(written.some((line) => line.includes('"level":'))).toBe(true);
  expect(secretsIn(written, secrets)).toEqual([]);
}, 90_000);

const WalletFile = z.object({ private_key: z.custom<Hex>(isHex), nonce_secret: z.custom<Hex>(isHex) });

function walletFile({ dataDir }: TestDatabase): z.infer<typeof WalletFile> {
  return WalletFile.parse(JSON.parse(readFileSync(join(dataDir, "chain", "wallet.json"), "utf8")));
}

function walletSecrets(database: TestDatabase): Secret[] {
  const { private_key, nonce_secret } = walletFile(database);
  return [
    ["the wallet's key", private_key],
    ["the nonce secret", nonce_secret],
  ];
}

const World = z.object({ token: z.custom<Hex>(isHex) });

function tokenOf({ dataDir }: TestDatabase): { address: Hex } {
  return { address: World.parse(JSON.parse(readFileSync(join(dataDir, "chain", "world.json"), "utf8"))).token };
}

/** Lets the token's owner call a function of it. */
async function onChain(database: TestDatabase, data: Hex): Promise<void> {
  const chain = await adoptAnvil(join(database.dataDir, "chain"));
  if (chain === undefined) throw new Error("The chain is not running.");
  const [owner] = z.array(z.string()).parse(await callRpc(chain.rpcUrl, "eth_accounts"));
  await callRpc(chain.rpcUrl, "eth_sendTransaction", [{ from: owner, to: tokenOf(database).address, data }]);
}
