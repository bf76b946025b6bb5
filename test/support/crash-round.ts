import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { viewLocalChain } from "../../src/payments/local-transfers.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { accountTotals } from "../../src/store/account-totals.ts";
import { openStoreForReading } from "../../src/store/database.ts";
import { verifySessions } from "../../src/store/verify.ts";
import type { TestDatabase } from "./database.ts";
import type { FaultPoint, PaymentRecord, PaymentStep } from "./fault-points.ts";
import { seededRandom } from "./seeded-random.ts";
import { type ServerProcess, spawnServer } from "./server-spawn.ts";
import type { TestClient } from "./test-client.ts";
import { execute } from "./test-server.ts";

export interface CrashRound {
  readonly database: TestDatabase;
  readonly kills: number;
  readonly seed: number;
  readonly isPaired?: boolean;
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
const steps: readonly PaymentStep[] = ["quote", "sign", "send", "settle", "look", "void"];
const records: readonly PaymentRecord[] = ["reserve", "persist", "settle", "content", "release"];
const beforeAndAfter = ["before", "after"] as const;
const named: readonly FaultPoint[] = [
  ...steps.flatMap((step) => beforeAndAfter.map((when): FaultPoint => ({ point: "step", step, when }))),
  ...records.flatMap((record) => beforeAndAfter.map((when): FaultPoint => ({ point: "record", record, when }))),
];
const receiver = "0xD1D1d1D1d1D1d1d1D1d1D1D1d1D1D1d1d1D1d1D1".toLowerCase();

/**
 * Kills a server again and again, at named points between the steps of a payment, around its commits and at
 * random moments, while two sessions read, write, pay services, pages and addresses, and users approve, edit,
 * reject and cancel; then lets it finish and holds chain, ledger and event log against each other. With
 * `isPaired` a second server on the same database lives on, and takes over.
 */
export async function crashRound({ database, kills, seed, isPaired = false }: CrashRound): Promise<CrashReport> {
  const random = seededRandom(seed);
  const where = new Map<string, number>();
  const other = isPaired ? await spawnServer(database, "faulty") : undefined;
  let server = await spawnServer(database, "faulty");
  try {
    const page = await pageOf(server);
    const sessions = await Promise.all([server.createSession(config), server.createSession(config)]);
    const sent: Command[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const clients = await Promise.all(sessions.map(({ id }) => watch(server, id, random)));
      const point = pointOf(kill, seed, random);
      if (point !== undefined) await server.failAt(point);
      for (const [index, client] of clients.entries()) {
        for (let count = random(3) + 1; count > 0; count--) {
          // A payment first: a point of a payment would else not be reached.
          const command = randomCommand(sent.length, page, count === 1 ? 2 + random(7) : random(10));
          const { id: sessionId = "" } = sessions[index] ?? {};
          const executionId = execute(client, command);
          sent.push({ sessionId, executionId, command });
          if (mustCancel(point) || random(4) === 0) void cancelAmid(client, executionId, random(3));
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
    await other?.kill();
  }
}

/** The address of a page that costs money: one that the merchant sells. */
async function pageOf(server: ServerProcess): Promise<string> {
  const { body } = await server.http("GET", "/services");
  return body.data.find(({ name }: { name: string }) => name === "market-data").url;
}

/** Nothing is voided and little is given back unless somebody cancels. */
function mustCancel(point: FaultPoint | undefined): boolean {
  return (
    (point?.point === "step" && point.step === "void") || (point?.point === "record" && point.record === "release")
  );
}

/** Cancels an execution when it begins, when its call is known, or when its money is set aside and about to move. */
async function cancelAmid(client: TestClient, execution_id: string, moment: number): Promise<void> {
  const begins = ["thinking", "tool_call", "budget"][moment];
  const isThen = ({ type, data }: ServerEvent) =>
    type === begins && "execution_id" in data && data.execution_id === execution_id;
  // The server may be killed before.
  await client.find(isThen, 3_600_000).then(
    () => client.send({ type: "cancel", data: { execution_id } }),
    () => undefined,
  );
}

/** Half of the kills go through the points of a payment one by one, the others fall on commits and anywhere. */
function pointOf(kill: number, seed: number, random: (limit: number) => number): FaultPoint | undefined {
  if (kill % 2 === 0) return named[(kill / 2 + seed * 10) % named.length];
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
  if (point.point === "step") return `${point.when} ${point.step}`;
  if (point.point === "record") return `${point.when} the commit of ${point.record}`;
  return point.point === "start" ? "before a run" : "at a commit";
}

/** Commands that read, write, pay, and pay more than goes without a question. */
function randomCommand(number: number, page: string, kind: number): string {
  const commands = [
    "look {}",
    `append {"line":"line-${number}"}`,
    'pay_service {"service":"market-data"}',
    'pay_service {"service":"news"}',
    `look {} && append {"line":"line-${number}"} && pay_service {"service":"market-data"}`,
    'pay_service {"service":"flaky"}',
    `transfer {"to":"${receiver}","amount":"0.30","currency":"USDC"}`,
    `transfer {"to":"${receiver}","amount":"1.50","currency":"USDC"}`,
    `fetch_url {"url":"${page}"}`,
    `fetch_url {"url":"${page}"} && transfer {"to":"${receiver}","amount":"0.20","currency":"USDC"}`,
  ];
  return commands[kind] ?? "look {}";
}

/** Decides on payments, as often as a reconnect shows the question, and says no to writes that may have happened. */
async function decideAll(client: TestClient, random: (limit: number) => number): Promise<void> {
  const decided = new Set<string>();
  const isNew = (event: ServerEvent) => event.type === "approval_required" && !decided.has(event.data.request_id);
  for (;;) {
    const event = await client.find(isNew, 3_600_000);
    if (event.type !== "approval_required") throw new Error("It is what was looked for.");
    const { request_id, tool_name, tool_args } = event.data;
    decided.add(request_id);
    const kind = tool_name === "append" ? 0 : random(6);
    const cheaper = tool_name === "transfer" ? { ...tool_args, amount: "0.40" } : { service: "market-data" };
    if (kind === 0) client.send({ type: "reject", data: { request_id } });
    else if (kind === 1 && tool_name !== "fetch_url")
      client.send({ type: "edit", data: { request_id, edited_args: cheaper } });
    else client.send({ type: "approve", data: { request_id } });
  }
}

async function watch(
  server: ServerProcess,
  sessionId: string,
  random: (limit: number) => number = () => 2,
): Promise<TestClient> {
  const client = await server.connect(sessionId, { lastSeq: 0 });
  // It ends with the socket.
  void decideAll(client, random).catch(() => undefined);
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
  const url = database.env.DATABASE_URL;
  const store = await openStoreForReading(url === undefined ? { dataDir: database.dataDir } : { url });
  let sent = 0n;
  try {
    await untilNoneIsOpen(store);
    const transfers = await (await viewLocalChain(join(database.dataDir, "chain"))).transfers();
    sent = transfers.reduce((sum, { value }) => sum + value, 0n);
    const totals = await accountTotals(store.db);
    expectSame("The chain's sum and the ledger's", sent, totals.settledMicros);
    expectSame("The chain's transfers and the ledger's payments", transfers.length, totals.settledCalls);
    expectSame("The ledger and the sessions' spent", totals.settledMicros, totals.spentMicros);
    expectSame(
      "The ledger and what the events tell",
      totals.settledMicros - (await untoldMicros(store)),
      totals.toldMicros,
    );
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

type ReadableStore = Awaited<ReturnType<typeof openStoreForReading>>;

/** What a cancellation left open is brought to its end beside everything else. */
async function untilNoneIsOpen({ db }: ReadableStore): Promise<void> {
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; await delay(200)) {
    const open = await db.selectFrom("spends").select("tool_id").where("status", "=", "reserved").limit(1).execute();
    if (open.length === 0) return;
  }
}

/** What calls have cost that came to no result, because their execution was cancelled or failed in between. */
async function untoldMicros({ db }: ReadableStore): Promise<bigint> {
  const results = await db.selectFrom("events").select("data").where("type", "=", "tool_result").execute();
  const told = new Set(results.map(({ data }): string => JSON.parse(data).tool_id));
  const spends = await db
    .selectFrom("spends")
    .innerJoin("executions", "executions.id", "spends.execution_id")
    .select(["spends.tool_id", "spends.micros"])
    .where("spends.status", "=", "settled")
    .where("executions.status", "in", ["cancelled", "failed"])
    .execute();
  return spends.filter(({ tool_id }) => !told.has(tool_id)).reduce((sum, { micros }) => sum + BigInt(micros), 0n);
}
