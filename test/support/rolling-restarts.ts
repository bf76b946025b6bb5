import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findViolations } from "../chaos/check.ts";
import { ChaosClient } from "../chaos/client.ts";
import { readKept } from "../chaos/kept.ts";
import { startLoad, startNudging } from "../chaos/load.ts";
import { Node } from "../chaos/nodes.ts";
import type { TestDatabase } from "./database.ts";
import { seededRandom } from "./seeded-random.ts";
import { serverCalls } from "./server-calls.ts";

const budgetUsd = "10";
const stopLimitMs = 10_000;
const settleLimitMs = 40_000;
const goingAway = 1001;

/**
 * Restarts three servers in turn while clients work, and gives a sentence for whatever was lost, was not handed over,
 * or was not said to the clients. No lease lapses while it runs: what is not handed over is never gone on with.
 */
export async function rollingRestarts(
  database: TestDatabase,
  { restarts, sessions, seed }: { restarts: number; sessions: number; seed: number },
): Promise<string[]> {
  const random = seededRandom(seed);
  const { dataDir } = database;
  const effectsFile = join(dataDir, "effects.log");
  const env = { PAYGENT_DATA_DIR: dataDir, TEST_LEASE_MS: "3600000", TEST_EFFECTS: effectsFile, ...database.env };
  const nodes = await Promise.all([Node.start(env), Node.start(env), Node.start(env)]);
  const clients = await openClients(nodes, sessions, random);
  const nudging = startNudging(clients);
  const load = startLoad(clients, random);
  try {
    const violations: string[] = [];
    for (let restart = 0; restart < restarts; restart++) {
      const node = nodes[restart % nodes.length];
      const startedAt = Date.now();
      const code = await node?.terminate();
      const ms = Date.now() - startedAt;
      if (code !== 0) violations.push(`a server that was asked to stop ended with ${code}`);
      if (ms > stopLimitMs) violations.push(`a server took ${ms} ms to stop`);
      await node?.start();
    }
    load.stop();
    const deadline = Date.now() + settleLimitMs;
    while (clients.some((client) => !client.isDone) && Date.now() < deadline) await delay(100);
    for (const { executionId } of clients.flatMap((client) => client.unfinished))
      violations.push(`execution ${executionId} was not handed over`);

    const codes = new Set(clients.flatMap(({ closeCodes }) => closeCodes));
    if (codes.size !== 1 || !codes.has(goingAway)) violations.push(`connections were closed with ${[...codes]}`);
    return violations.length > 0 ? violations : await atRest(database, effectsFile, clients);
  } finally {
    load.stop();
    nudging.stop();
    for (const client of clients) client.close();
    for (const node of nodes) {
      await node.kill();
      node.proxy.close();
    }
  }
}

async function openClients(nodes: readonly Node[], count: number, random: (limit: number) => number) {
  const ports = nodes.map(({ proxy }) => proxy.port);
  const calls = serverCalls(`http://127.0.0.1:${ports[0]}`);
  const config = { budget_usd: budgetUsd, approval_threshold_usd: "1", tools: { append: "allow" } };
  const clients: ChaosClient[] = [];
  for (let index = 0; index < count; index++) {
    const userId = `user-${index}`;
    const { id } = await calls.createSession(config, userId);
    clients.push(new ChaosClient({ sessionId: id, token: await calls.token(userId), ports, random }));
  }
  return clients;
}

/** What was left to the sweep, which looks every second, comes to its end first. */
async function atRest(database: TestDatabase, effectsFile: string, clients: readonly ChaosClient[]): Promise<string[]> {
  const { dataDir, env } = database;
  const deadline = Date.now() + settleLimitMs;
  for (;;) {
    const kept = await readKept({ database: { url: env.DATABASE_URL ?? "" }, dataDir, effectsFile });
    const violations = findViolations(clients, kept, BigInt(budgetUsd) * 1_000_000n);
    if (violations.length === 0 || Date.now() > deadline) return violations;
    await delay(200);
  }
}
