import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { viewLocalChain } from "../../src/payments/local-transfers.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { accountTotals } from "../../src/store/account-totals.ts";
import { openStoreForReading } from "../../src/store/database.ts";
import { verifySessions } from "../../src/store/verify.ts";
import type { TestDatabase } from "./database.ts";
import type { FaultPoint, PaymentStep } from "./fault-points.ts";
import { seededRandom } from "./seeded-random.ts";
import { type ServerProcess, spawnServer } from "./server-spawn.ts";
import type { TestClient } from "./test-client.ts";
import { execute } from "./test-server.ts";

export interface CrashRound {
  readonly database: TestDatabase;
  readonly kills: number;
  readonly seed: number;
}

export interface CrashReport {
  /** How often the server was killed where, in words. */
  readonly kills: ReadonlyMap<string, number>;
  readonly paidMicros: bigint;
  /** A sentence for everything that is not as promised; none when all is well. */
  readonly violations: readonly string[];
}

interface Command {
  readonly sessionId: string;
  readonly executionId: string;
  readonly command: string;
}

const config = { tools: { append: "allow" }, approval_threshold_usd: "1", budget_usd: "45" };
const steps: readonly PaymentStep[] = ["quote", "sign", "send", "settle", "look"];
const aroundSteps = steps.flatMap((step) =>
  (["before", "after"] as const).map((when): FaultPoint => ({ point: "step", step, when })),
);

/**
 * Kills a server again and again, at named points between the steps of a payment, around its commits and at
 * random moments, while two sessions read, write and pay; then lets it finish and holds chain, ledger and event
 * log against each other.
 */
export async function crashRound({ database, kills, seed }: CrashRound): Promise<CrashReport> {
  const random = seededRandom(seed);
  const where = new Map<string, number>();
  let server = await spawnServer(database, "faulty");
  try {
    const sessions = await Promise.all([server.createSession(config), server.createSession(config)]);
    const sent: Command[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const clients = await Promise.all(sessions.map(({ id }) => watch(server, id)));
      const point = pointOf(kill, random);
      if (point !== undefined) await server.failAt(point);
      for (const [index, client] of clients.entries()) {
        for (let count = random(3) + 1; count > 0; count--) {
          // A payment first: a point of a payment would else not be reached.
          const command = randomCommand(sent.length, count === 1 ? 2 + random(3) : random(6));
          const { id: sessionId = "" } = sessions[index] ?? {};
          sent.push({ sessionId, executionId: execute(client, command), command });
        }
      }
      const reached = await killed(server, clients, sent, point, random);
      where.set(reached, (where.get(reached) ?? 0) + 1);
      server = await spawnServer(database, "faulty");
    }
    await finishAll(server, sent);
    return { kills: where, ...(await audit(database)) };
  } finally {
    await server.kill();
  }
}

/** Half of the kills go through the points of a payment one by one, the others fall on commits and anywhere. */
function pointOf(kill: number, random: (limit: number) => number): FaultPoint | undefined {
  if (kill % 2 === 0) return aroundSteps[(kill / 2) % aroundSteps.length];
  if (kill % 4 === 1) return undefined;
  return random(5) === 0
    ? { point: "start" }
    : { point: "commit", when: random(2) === 0 ? "before" : "after", number: random(16) + 1 };
}

/** Waits for the server's death and gives where it happened; one that has passed its point is killed at rest. */
async function killed(
  server: ServerProcess,
  clients: readonly TestClient[],
  sent: readonly Command[],
  point: FaultPoint | undefined,
  random: (limit: number) => number,
): Promise<string> {
  if (point === undefined) {
    // The moment of the kill is what is random here; nothing is waited for.
    await delay(random(400));
    await server.kill();
    return "at a random moment";
  }
  const ends = sent.flatMap(({ executionId }) =>
    clients.map((client) => client.end(executionId).catch(() => undefined)),
  );
  // The events of both sessions never come to one client, so all that can end has ended when half has.
  const allEnded = new Promise<"ended">((resolve) => {
    let left = sent.length;
    for (const end of ends)
      void end.then((event) => {
        if (event !== undefined && --left === 0) resolve("ended");
      });
  });
  const outcome = await Promise.race([server.ended.then(() => "killed" as const), allEnded, delay(10_000, "passed")]);
  if (outcome !== "killed") {
    await server.kill();
    return "after its point had been passed";
  }
  return point.point === "step"
    ? `${point.when} ${point.step}`
    : point.point === "start"
      ? "before a run"
      : "at a commit";
}

/** Commands that read, write, pay, and pay more than goes without a question. */
function randomCommand(number: number, kind: number): string {
  const commands = [
    "look {}",
    `append {"line":"line-${number}"}`,
    'pay_service {"service":"market-data"}',
    'pay_service {"service":"news"}',
    `look {} && append {"line":"line-${number}"} && pay_service {"service":"market-data"}`,
    'pay_service {"service":"flaky"}',
  ];
  return commands[kind] ?? "look {}";
}

/** Says yes to payments, as often as a reconnect shows the question, and no to writes that may have happened. */
async function decideAll(client: TestClient): Promise<void> {
  const decided = new Set<string>();
  const isNew = (event: ServerEvent) => event.type === "approval_required" && !decided.has(event.data.request_id);
  for (;;) {
    const event = await client.find(isNew, 3_600_000);
    if (event.type !== "approval_required") throw new Error("It is what was looked for.");
    const { request_id, tool_name } = event.data;
    decided.add(request_id);
    client.send({ type: tool_name === "append" ? "reject" : "approve", data: { request_id } });
  }
}

async function watch(server: ServerProcess, sessionId: string): Promise<TestClient> {
  const client = await server.connect(sessionId, { lastSeq: 0 });
  // It ends with the socket.
  void decideAll(client).catch(() => undefined);
  return client;
}

/** What the killed server never took is sent again under its id; what it did take is answered, not repeated. */
async function finishAll(server: ServerProcess, sent: readonly Command[]): Promise<void> {
  const clients = new Map<string, TestClient>();
  for (const { sessionId, executionId, command } of sent) {
    const client = clients.get(sessionId) ?? (await watch(server, sessionId));
    clients.set(sessionId, client);
    execute(client, command, { execution_id: executionId });
    await client.end(executionId);
  }
  await server.closeClients();
}

/** Chain, ledger and event log of a server at rest, and what its tools wrote. */
export async function audit(database: TestDatabase): Promise<Omit<CrashReport, "kills">> {
  const violations: string[] = [];
  const expectSame = (what: string, one: bigint | number, other: bigint | number) => {
    if (one !== other) violations.push(`${what}: ${one} and ${other} differ.`);
  };
  const transfers = await (await viewLocalChain(join(database.dataDir, "chain"))).transfers();
  const sent = transfers.reduce((sum, { value }) => sum + value, 0n);
  const url = database.env.DATABASE_URL;
  const store = await openStoreForReading(url === undefined ? { dataDir: database.dataDir } : { url });
  try {
    const totals = await accountTotals(store.db);
    expectSame("The chain's sum and the ledger's", sent, totals.settledMicros);
    expectSame("The chain's transfers and the ledger's payments", transfers.length, totals.settledCalls);
    expectSame("The ledger and the sessions' spent", totals.settledMicros, totals.spentMicros);
    expectSame("The ledger and what the events tell", totals.settledMicros, totals.toldMicros);
    expectSame("Reserved in the ledger and nothing", totals.reservedMicros, 0n);
    expectSame("Reserved in the sessions and nothing", totals.heldMicros, 0n);
    expectSame("Executions that did not end and none", totals.openExecutions, 0);
    for await (const { isIntact, problem, sessionId } of verifySessions(store.db, undefined))
      if (!isIntact) violations.push(`The log of session ${sessionId} is broken: ${problem}`);
  } finally {
    await store.close();
  }
  const effects = join(database.dataDir, "effects.log");
  const lines = existsSync(effects) ? readFileSync(effects, "utf8").trim().split("\n") : [];
  expectSame("Writes and different writes", lines.length, new Set(lines).size);
  return { paidMicros: sent, violations };
}
