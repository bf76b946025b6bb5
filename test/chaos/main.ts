import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endLocalChain } from "../../src/payments/local-transfers.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { serverCalls } from "../support/server-calls.ts";
import { findViolations } from "./check.ts";
import { ChaosClient } from "./client.ts";
import { allFaults, type Injected, injectFaults } from "./faults.ts";
import { type Kept, readKept } from "./kept.ts";
import { startCallingOff, startLoad, startNudging } from "./load.ts";
import { Node } from "./nodes.ts";
import { makeFolder, startNats, startPostgres } from "./processes.ts";

/**
 * Three nodes on one PostgreSQL, one NATS and one local chain, and clients that reconnect through faulty proxies,
 * while nodes are killed, stopped and restarted, the database is restarted and NATS is killed. When the faults end,
 * everything must end too, and clients, log, ledger and chain must agree.
 */
const seconds = Number(process.env.CHAOS_SECONDS ?? 120);
const sessions = Number(process.env.CHAOS_SESSIONS ?? 60);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const random = seededRandom(seed);
const budgetUsd = "3";
/** For how long nothing may come of what is still open; a slow machine takes its time, and this is its measure. */
const stallMs = 60_000;
const quietMs = 30_000;

const folder = makeFolder();
const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(): Promise<number> {
  say(`seed ${seed}, ${sessions} sessions, ${seconds} s of faults`);
  const postgres = await startPostgres(folder);
  closing.push(() => postgres.stop());
  const nats = await startNats();
  if (nats === undefined) throw new Error("No NATS server is installed; install Debian's package nats-server.");
  closing.push(() => nats.stop());
  const dataDir = join(folder, "data");
  const effectsFile = join(folder, "effects.log");
  closing.push(() => endLocalChain(join(dataDir, "chain")));

  const env = {
    PAYGENT_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    TEST_LEASE_MS: "3000",
    TEST_EFFECTS: effectsFile,
  };
  const nodes = await Promise.all([Node.start(env), Node.start(env), Node.start(env)]);
  for (const node of nodes)
    closing.push(
      () => node.proxy.close(),
      () => node.kill(),
    );
  const clients = await openClients(nodes.map(({ proxy }) => proxy.port));
  const deciders = openDeciders(clients);
  const all = [...clients, ...deciders];
  closing.push(() => {
    for (const client of all) client.close();
  });

  const nudging = startNudging(all);
  closing.push(() => nudging.stop());
  const loads = [startLoad(clients, random), startCallingOff(clients, random)];
  const complaints: string[] = [];
  const complain = (sentence: string) => void complaints.push(sentence);
  const injected = await injectFaults(allFaults({ postgres, nats, random, complain }), nodes, {
    seconds,
    random,
    say: process.env.CHAOS_LOG === undefined ? () => undefined : say,
  });
  const faultsEndedAt = new Date().toISOString();
  for (const load of loads) load.stop();
  await untilDone(clients);
  const unfinished = clients.flatMap((client) => client.unfinished.map(({ executionId }) => executionId));

  const { kept, violations } = await untilQuiet(async () => {
    const read = await readKept({ database: { url: postgres.url }, dataDir, effectsFile });
    return { kept: read, violations: findViolations(all, read, BigInt(budgetUsd) * 1_000_000n) };
  });
  violations.push(...complaints);
  for (const id of unfinished) violations.push(`execution ${id} has not ended, and nothing comes any more`);
  violations.push(...missedOf(kept, faultsEndedAt));
  report(injected, all, kept);
  for (const violation of violations.slice(0, 50)) say(`VIOLATION  ${violation}`);
  const total = [...injected.counts.values()].reduce((sum, count) => sum + count, 0);
  say(`faults injected: ${total}, violations: ${violations.length}`);
  return violations.length === 0 ? 0 : 1;
}

async function openClients(ports: readonly number[]): Promise<ChaosClient[]> {
  const calls = serverCalls(`http://127.0.0.1:${ports[0]}`);
  const config = {
    budget_usd: budgetUsd,
    daily_budget_usd: "100",
    approval_threshold_usd: "1",
    tools: { append: "allow" },
  };
  const clients: ChaosClient[] = [];
  for (let index = 0; index < sessions; index++) {
    const userId = `user-${index}`;
    const { id } = await calls.createSession(config, userId);
    clients.push(new ChaosClient({ sessionId: id, token: await calls.token(userId), ports, random }));
  }
  return clients;
}

/** On every third session somebody else decides too, as they like, and at the same time. */
function openDeciders(clients: readonly ChaosClient[]): ChaosClient[] {
  return clients.filter((_, index) => index % 3 === 0).map((client) => client.another());
}

/** A run in which no payment settled, or none was called off after it was signed, shows less than it should. */
function missedOf(kept: Kept, faultsEndedAt: string): string[] {
  const ended = paymentsEnded(kept, faultsEndedAt);
  return [
    ...(ended.settled > 0 ? [] : ["no payment settled under faults"]),
    ...(ended.cancelled > 0 ? [] : ["no payment was signed and cancelled under faults"]),
  ];
}

function paymentsEnded({ payments }: Kept, before: string) {
  const count = (state: string) =>
    payments.filter((payment) => payment.state === state && payment.isSigned && (payment.endedAt ?? before) < before)
      .length;
  return { settled: count("settled"), cancelled: count("cancelled") };
}

function report({ counts, pairs }: Injected, clients: readonly ChaosClient[], kept: Kept): void {
  for (const [fault, count] of counts) say(`${String(count).padStart(5)}  ${fault}`);
  say(`${String(pairs).padStart(5)}  times two at once`);
  const executions = clients.reduce((sum, { sent }) => sum + sent.length, 0);
  const reconnects = clients.reduce((sum, client) => sum + client.reconnects, 0);
  const events = clients.reduce((sum, { history }) => sum + history.length, 0);
  const paid = kept.transfers.reduce((sum, { value }) => sum + value, 0n);
  const { settled, cancelled } = paymentsEnded(kept, "9999");
  say(`${executions} executions, ${events} events, ${reconnects} reconnects`);
  say(`${settled} payments settled (${Number(paid) / 1e6} USDC), ${cancelled} signed and cancelled`);
}

/** Waits until all that was asked for has ended, or no client has heard anything new for too long. */
async function untilDone(clients: readonly ChaosClient[]): Promise<void> {
  let told = 0;
  let toldAt = Date.now();
  while (clients.some((client) => !client.isDone) && Date.now() - toldAt < stallMs) {
    const now = clients.reduce((sum, { history }) => sum + history.length, 0);
    if (now !== told) toldAt = Date.now();
    told = now;
    await delay(100);
  }
}

/** Looks again while something is still being put right, and gives what stays. */
async function untilQuiet<T extends { readonly violations: string[] }>(look: () => Promise<T>): Promise<T> {
  let found = "";
  let foundAt = Date.now();
  for (;;) {
    const seen = await look();
    const now = seen.violations.join();
    if (seen.violations.length === 0 || (now === found && Date.now() - foundAt > quietMs)) return seen;
    if (now !== found) foundAt = Date.now();
    found = now;
    await delay(500);
  }
}

try {
  process.exitCode = await run();
} finally {
  for (const close of closing.reverse()) await close();
}
process.exit();
