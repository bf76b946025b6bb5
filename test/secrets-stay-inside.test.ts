import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Hex, isHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { adoptAnvil } from "../src/payments/anvil.ts";
import { callRpc } from "../src/payments/json-rpc.ts";
import { createSigner } from "../src/payments/signer.ts";
import { openStoreForReading } from "../src/store/database.ts";
import { ask } from "./support/ask.ts";
import type { TestDatabase } from "./support/database.ts";
import { authSecret, serverCalls } from "./support/server-calls.ts";
import { databaseForProcesses } from "./support/server-process.ts";
import { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";

const program = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
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
  const secrets: [string, string][] = [
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

  secrets.push(...(await walletSecrets(database)), ...(await paymentSecrets(database)));
  const text = written.join("\n").toLowerCase();
  const found = secrets.filter(([, secret]) => formsOf(secret).some((form) => text.includes(form.toLowerCase())));
  expect(secrets.length).toBeGreaterThan(15);
  expect(text.includes('"level":')).toBe(true);
  expect(found.map(([what]) => what)).toEqual([]);
}, 90_000);

/** A program whose output is written down, line by line. */
function spawnRecorded(args: readonly string[], env: Record<string, string | undefined>, written: string[]) {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const first = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      written.push(line);
      if (line.startsWith('{"url"')) first.resolve(line);
    });
  return { child, firstLine: first.promise, ended: once(child, "close") };
}

/** As it stands, without a prefix, and as base64. */
function formsOf(secret: string): string[] {
  if (!isHex(secret)) return [secret];
  const bytes = Buffer.from(secret.slice(2), "hex");
  return [secret.slice(2), bytes.toString("base64"), bytes.toString("base64url")];
}

const WalletFile = z.object({ private_key: z.custom<Hex>(isHex), nonce_secret: z.custom<Hex>(isHex) });

function walletFile({ dataDir }: TestDatabase): z.infer<typeof WalletFile> {
  return WalletFile.parse(JSON.parse(readFileSync(join(dataDir, "chain", "wallet.json"), "utf8")));
}

async function walletSecrets(database: TestDatabase): Promise<[string, string][]> {
  const { private_key, nonce_secret } = walletFile(database);
  return [
    ["the wallet's key", private_key],
    ["the nonce secret", nonce_secret],
  ];
}

const Signed = z.object({ header: z.string(), nonce: z.custom<Hex>(isHex) });
const Payload = z.object({ payload: z.object({ signature: z.custom<Hex>(isHex) }) });

/** Every payment's header and signature, and the signature that would have cancelled it. */
async function paymentSecrets(database: TestDatabase): Promise<[string, string][]> {
  const { address } = tokenOf(database);
  const token = { address, symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" };
  const signer = createSigner(privateKeyToAccount(walletFile(database).private_key), token, 31337);
  const url = database.env.DATABASE_URL;
  const store = await openStoreForReading(url === undefined ? { dataDir: database.dataDir } : { url });
  try {
    const rows = await store.db.selectFrom("payments").select("signed").execute();
    const found: [string, string][] = [];
    for (const { signed } of rows) {
      if (signed === null) continue;
      const { header, nonce } = Signed.parse(JSON.parse(signed));
      const { payload } = Payload.parse(JSON.parse(Buffer.from(header, "base64").toString()));
      const cancellation = await signer.signCancellation(nonce);
      found.push(["a payment header", header], ["a signature", payload.signature]);
      // The parts in which a contract is given it.
      found.push(["a cancellation's r", cancellation.slice(0, 66)], ["its s", `0x${cancellation.slice(66, 130)}`]);
    }
    return found;
  } finally {
    await store.close();
  }
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
