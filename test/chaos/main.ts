import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../support/seeded-random.ts";
import { serverCalls } from "../support/server-calls.ts";
import { shareWorld } from "../support/shared-world.ts";
import { findViolations } from "./check.ts";
import { ChaosClient } from "./client.ts";
import { Node } from "./nodes.ts";
import { makeFolder, startNats, startPostgres } from "./processes.ts";

/**
 * Three nodes on one PostgreSQL, with NATS where it is installed, and clients that reconnect through faulty
 * proxies, while nodes are killed, stopped and restarted, the database is restarted and NATS is killed. When
 * the faults end, everything must end too, and clients, log, ledger and chain must agree.
 */
const seconds = Number(process.env.CHAOS_SECONDS ?? 120);
const sessions = Number(process.env.CHAOS_SESSIONS ?? 60);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const random = seededRandom(seed);
const budgetUsd = "3";
const settleSeconds = 90;
const commandEveryMs = 150;
const faults = new Map<string, number>();

const folder = makeFolder();
const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function choose<T>(choices: readonly T[]): T {
  return choices[random(choices.length)] as T;
}

async function run(): Promise<number> {
  say(`seed ${seed}, ${sessions} sessions, ${seconds} s of faults`);
  const postgres = await startPostgres(folder);
  closing.push(() => postgres.stop());
  const nats = await startNats();
  if (nats === undefined) say("NATS is not installed: hints go over PostgreSQL alone");
  else closing.push(() => nats.stop());
  const { world, env: worldEnv } = await shareWorld(join(folder, "shared"));
  closing.push(() => world.close());
  const funded = await world.usdcBalanceOf(world.walletAddress);

  const env = {
    DATABASE_URL: postgres.url,
    ...(nats === undefined ? {} : { NATS_URL: nats.url }),
    TEST_LEASE_MS: "3000",
    TEST_EFFECTS: join(folder, "effects.log"),
    ...worldEnv,
  };
  const nodes: Node[] = [];
  for (const name of ["one", "two", "three"]) {
    const node = await Node.start(folder, name, env);
    nodes.push(node);
    closing.push(() => node.proxy.close());
    closing.push(() => node.kill());
  }
  const ports = nodes.map(({ proxy }) => proxy.port);
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
  closing.push(() => {
    for (const client of clients) client.close();
  });

  let line = 0;
  const command = () =>
    choose([
      "look {}",
      "look {} && look {}",
      `append {"line":"line-${++line}"}`,
      'pay_service {"service":"market-data"}',
      'pay_service {"service":"news"}',
      'wait {"seconds":1}',
    ]);
  const load = setInterval(() => {
    const client = choose(clients);
    if (client.unfinished.length < 4) client.command(command());
    if (random(10) === 0) choose(clients).cancelOne();
  }, commandEveryMs);
  const nudge = setInterval(() => {
    for (const client of clients) client.nudge();
  }, 1000);
  closing.push(() => clearInterval(nudge));
  await injectFaults({ nodes, postgres, nats });
  clearInterval(load);

  const deadline = Date.now() + settleSeconds * 1000;
  while (clients.some((client) => !client.isDone) && Date.now() < deadline) await delay(100);
  const unfinished = clients.flatMap((client) => client.unfinished.map(({ executionId }) => executionId));
  // A payment whose call gave up is settled by the sweep; the clients hear of it like of everything.
  const paid = async () => toMicros(funded) - toMicros(await world.usdcBalanceOf(world.walletAddress));
  const violations = await untilQuiet(async () =>
    findViolations({
      databaseUrl: postgres.url,
      clients,
      budgetMicros: BigInt(budgetUsd) * 1_000_000n,
      paidMicros: await paid(),
      effectsFile: join(folder, "effects.log"),
    }),
  );
  for (const id of unfinished) violations.push(`execution ${id} has not ended ${settleSeconds} s after the last fault`);

  const executions = clients.reduce((sum, { sent }) => sum + sent.length, 0);
  const reconnects = clients.reduce((sum, client) => sum + client.reconnects, 0);
  for (const [fault, count] of faults) say(`${String(count).padStart(5)}  ${fault}`);
  say(`${executions} executions, ${reconnects} reconnects, ${Number(await paid()) / 1e6} USDC paid`);
  for (const violation of violations.slice(0, 50)) say(`VIOLATION  ${violation}`);
  const total = [...faults.values()].reduce((sum, count) => sum + count, 0);
  say(`faults injected: ${total}, violations: ${violations.length}`);
  return violations.length === 0 ? 0 : 1;
}

async function injectFaults({
  nodes,
  postgres,
  nats,
}: {
  nodes: readonly Node[];
  postgres: Awaited<ReturnType<typeof startPostgres>>;
  nats: Awaited<ReturnType<typeof startNats>>;
}): Promise<void> {
  const end = Date.now() + seconds * 1000;
  const kinds: readonly (readonly [string, (node: Node) => Promise<void>])[] = [
    [
      "node killed",
      async (node) => {
        await node.kill();
        await delay(random(2000));
        await node.start();
      },
    ],
    [
      "node stopped and woken",
      async (node) => {
        node.signal("SIGSTOP");
        await delay(500 + random(6000));
        node.signal("SIGCONT");
      },
    ],
    [
      "node restarted",
      async (node) => {
        await node.terminate();
        await node.start();
      },
    ],
    ["connections cut", async (node) => node.proxy.cut()],
    ["connections cut", async (node) => node.proxy.cut()],
    [
      "connections delayed",
      async (node) => {
        node.proxy.delayMs = 50 + random(200);
        await delay(1000 + random(2000));
        node.proxy.delayMs = 0;
      },
    ],
    [
      "connections blackholed",
      async (node) => {
        node.proxy.isBlackhole = true;
        await delay(1000 + random(4000));
        node.proxy.isBlackhole = false;
        // Bytes were lost, so what is left of these connections is no stream any more.
        node.proxy.cut();
      },
    ],
    ["PostgreSQL restarted", () => postgres.restart()],
    ...(nats === undefined ? [] : [["NATS killed", () => nats.restart()] as const]),
  ];
  while (Date.now() < end) {
    await delay(300 + random(700));
    const [name, inject] = choose(kinds);
    faults.set(name, (faults.get(name) ?? 0) + 1);
    const startedAt = Date.now();
    await inject(choose(nodes));
    if (process.env.CHAOS_LOG !== undefined) say(`${name}: ${Date.now() - startedAt} ms`);
  }
}

/** Looks again while something is still being put right, and gives what stays. */
async function untilQuiet(look: () => Promise<string[]>): Promise<string[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const violations = await look();
    if (violations.length === 0 || Date.now() > deadline) return violations;
    await delay(500);
  }
}

function toMicros(usdc: string): bigint {
  const [whole = "0", part = ""] = usdc.split(".");
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0"));
}

try {
  process.exitCode = await run();
} finally {
  for (const close of closing.reverse()) await close();
}
process.exit();
