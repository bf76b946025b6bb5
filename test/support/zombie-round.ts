import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openStoreForReading } from "../../src/store/database.ts";
import { readEvents } from "../../src/store/event-log.ts";
import { findExecution } from "../../src/store/executions.ts";
import { paymentsOfExecution } from "../../src/store/payments.ts";
import { audit } from "./crash-round.ts";
import type { TestDatabase } from "./database.ts";
import type { Moment, Outgoing } from "./fault-points.ts";
import { type ServerProcess, spawnServer } from "./server-spawn.ts";
import type { TestClient } from "./test-client.ts";
import { execute } from "./test-server.ts";

/** A server stops in the middle of a step, and wakes up when another has taken over or when that one has finished. */
export interface ZombieStop {
  readonly moment: Moment;
  readonly wakes: "on takeover" | "at the end";
}

interface Stopped extends ZombieStop {
  readonly sessionId: string;
  readonly executionId: string;
  /** What a client of the other server was told. */
  readonly client: TestClient;
  readonly eventsAtEnd: number;
}

type Store = Awaited<ReturnType<typeof openStoreForReading>>;

const config = { tools: { append: "allow" }, budget_usd: "45" };
const limitMs = 60_000;

/**
 * Stops a server in the middle of steps until another one has taken its execution over, wakes it up, and gives a
 * sentence for whatever it then wrote, signed or sent, and for whatever is not as promised in log, ledger and chain.
 */
export async function zombieRound(database: TestDatabase, stops: readonly ZombieStop[]): Promise<string[]> {
  const outgoingFile = join(database.dataDir, "outgoing.jsonl");
  const env = { TEST_LEASE_MS: "2000", TEST_OUTGOING: outgoingFile };
  // The first one keeps the chain, and is never stopped.
  const other = await spawnServer(database, "faulty", env);
  const zombie = await spawnServer(database, "faulty", env);
  const store = await openStoreForReading({ url: database.env.DATABASE_URL ?? "" });
  try {
    const violations: string[] = [];
    const rounds: Stopped[] = [];
    for (const stop of stops) {
      const { moment, wakes } = stop;
      const line = `${wakes} ${rounds.length}`;
      const { id: sessionId } = await other.createSession(config);
      const client = await other.connect(sessionId, { lastSeq: 0 });
      const sender = await zombie.connect(sessionId);
      await zombie.failAt({ point: "moment", moment, signal: "SIGSTOP" });
      const executionId = execute(sender, commandFor(moment, line));
      await within(zombie.untilStopped(), `the server did not come to the moment "${moment}"`);
      const outBefore = outgoingOf(outgoingFile, zombie).length;

      if (wakes === "on takeover") {
        await within(untilTakenOver(store, executionId), `${executionId} was not taken over (${moment})`);
        zombie.wake();
      }
      if (moment === "write") {
        // A write that may have happened becomes a question.
        const { data } = await client.first("approval_required", executionId);
        client.send({ type: "reject", data: { request_id: data.request_id } });
      }
      const end = await client.end(executionId);
      rounds.push({ ...stop, sessionId, executionId, client, eventsAtEnd: client.events.length });
      zombie.wake();
      await doSomethingElse(zombie);

      const about = `${moment}, awake ${wakes}`;
      if (!isAsPromised(moment, end)) violations.push(`${about}: the execution ended with ${JSON.stringify(end)}`);
      const execution = await findExecution(store.db, executionId);
      // A slow machine may let the other one's lease lapse too; then the first one works on it by right again.
      if (execution?.fence !== 2) continue;
      for (const out of outgoingOf(outgoingFile, zombie).slice(outBefore))
        violations.push(`${about}: after it woke up there was a ${out.kind} of the server that had lost its lease`);
    }
    // It ends when all that it was doing has.
    await zombie.stop();
    for (const round of rounds) violations.push(...(await checkRound(store, round)));
    violations.push(...(await checkSent(store, rounds, outgoingFile)), ...(await audit(database)).violations);
    await other.closeClients();
    return violations;
  } finally {
    await store.close();
    await zombie.kill();
    await other.kill();
  }
}

function commandFor(moment: Moment, line: string): string {
  if (moment === "write") return `append ${JSON.stringify({ line })}`;
  return moment === "model" || moment === "read" ? "look {}" : 'pay_service {"service":"market-data"}';
}

function isAsPromised(moment: Moment, end: { type: string; data: object }): boolean {
  const isSuccess = end.type === "complete" && "success" in end.data && end.data.success === true;
  return moment === "write" ? end.type === "complete" && !isSuccess : isSuccess;
}

async function untilTakenOver({ db }: Store, executionId: string): Promise<void> {
  while (((await findExecution(db, executionId))?.fence ?? 0) < 2) await delay(5);
}

/** It is awake again when it has carried out something new. */
async function doSomethingElse(server: ServerProcess): Promise<void> {
  const client = await server.connect((await server.createSession()).id);
  await client.end(execute(client, 'wait {"seconds":1}'));
  await client.close();
}

/** The log is what the client was told until the end, and nothing after it. */
async function checkRound({ db }: Store, round: Stopped): Promise<string[]> {
  const { moment, wakes, client, eventsAtEnd } = round;
  const log = await readEvents(db, round.sessionId, 0, 1000);
  const told = client.events.slice(0, eventsAtEnd).flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
  const results = log.filter(({ type }) => type === "tool_result").length;
  const about = `${moment}, awake ${wakes}`;
  return [
    ...(log.length === told.length ? [] : [`${about}: ${log.length - told.length} events came after the end`]),
    ...(results === 1 ? [] : [`${about}: the call has ${results} results`]),
  ];
}

/** Whatever was sent as a payment, by whom ever, is stored, byte for byte. */
async function checkSent({ db }: Store, rounds: readonly Stopped[], outgoingFile: string): Promise<string[]> {
  const stored = new Set<string>();
  for (const { executionId } of rounds)
    for (const { signed } of await paymentsOfExecution(db, executionId)) if (signed) stored.add(signed.header);
  return readOutgoing(outgoingFile)
    .filter((out) => out.kind === "payment" && !stored.has(out.header))
    .map(({ pid }) => `process ${pid} sent a signature that is not stored`);
}

function outgoingOf(file: string, { pid }: ServerProcess): Outgoing[] {
  return readOutgoing(file).filter((out) => out.pid === pid);
}

function readOutgoing(file: string): Outgoing[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Outgoing);
}

async function within<T>(work: Promise<T>, failure: string): Promise<T> {
  const limit = new AbortController();
  const late = delay(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(failure);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    limit.abort();
  }
}
