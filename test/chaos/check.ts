import { existsSync, readFileSync } from "node:fs";
import { openStoreForReading } from "../../src/store/database.ts";
import { readEvents, type StoredEvent } from "../../src/store/event-log.ts";
import { verifySessions } from "../../src/store/verify.ts";
import type { ChaosClient } from "./client.ts";

type Store = Awaited<ReturnType<typeof openStoreForReading>>;

const decided = new Set(["approved", "rejected", "edit_approved", "approval_expired"]);

/** Holds what every client was told, the database and the chain against each other; a sentence for each violation. */
export async function findViolations(given: {
  readonly databaseUrl: string;
  readonly clients: readonly ChaosClient[];
  readonly budgetMicros: bigint;
  /** What left the wallet, in millionths. */
  readonly paidMicros: bigint;
  readonly effectsFile: string;
}): Promise<string[]> {
  const { clients, budgetMicros, paidMicros, effectsFile } = given;
  const violations = clients.flatMap((client) => client.violations);
  const store = await openStoreForReading({ url: given.databaseUrl });
  try {
    let costs = 0n;
    for (const client of clients) {
      const log = await wholeLog(store, client.sessionId);
      violations.push(...checkHistory(client, log), ...checkLog(client, log));
      costs += costOf(log);
    }
    const spent = await checkLedger(store, budgetMicros, violations);
    if (spent !== costs) violations.push(`the ledger says ${spent} and the events say ${costs} millionths`);
    if (spent !== paidMicros) violations.push(`the ledger says ${spent} and the chain says ${paidMicros} millionths`);
    for await (const { sessionId, isIntact, problem } of verifySessions(store.db, undefined)) {
      if (!isIntact) violations.push(`the log of ${sessionId} is not intact: ${problem}`);
    }
  } finally {
    await store.close();
  }
  const lines = existsSync(effectsFile) ? readFileSync(effectsFile, "utf8").trim().split("\n") : [];
  if (new Set(lines).size !== lines.length) violations.push("a write happened twice");
  return violations;
}

async function wholeLog({ db }: Store, sessionId: string): Promise<StoredEvent[]> {
  const log: StoredEvent[] = [];
  for (;;) {
    const page = await readEvents(db, sessionId, log.length, 500);
    log.push(...page);
    if (page.length < 500) return log;
  }
}

/** What a client saw is the log, byte for byte, from the first event to the last. */
function checkHistory({ sessionId, history }: ChaosClient, log: readonly StoredEvent[]): string[] {
  if (history.length !== log.length) {
    return [`a client of ${sessionId} saw ${history.length} events of ${log.length}`];
  }
  const changed = log.find(({ text }, index) => history[index]?.text !== text);
  return changed === undefined ? [] : [`event ${changed.seq} of ${sessionId} was sent otherwise than it is stored`];
}

function checkLog({ sent, sessionId }: ChaosClient, log: readonly StoredEvent[]): string[] {
  const violations: string[] = [];
  for (const { executionId } of sent) {
    const own = log.filter((event) => event.executionId === executionId);
    const ends = own.filter(isEnd).length;
    if (ends !== 1) violations.push(`execution ${executionId} of ${sessionId} ended ${ends} times`);
    if (ends === 1 && !isEnd(own.at(-1))) violations.push(`execution ${executionId} went on after its end`);
    const starts = own.filter(({ type }) => type === "execution_started").length;
    if (starts !== 1) violations.push(`execution ${executionId} started ${starts} times`);
  }
  const decisions = log.filter(({ type }) => decided.has(type)).map(({ text }) => JSON.parse(text).data.request_id);
  if (new Set(decisions).size !== decisions.length) violations.push(`a request of ${sessionId} was decided twice`);
  return violations;
}

function isEnd(event: StoredEvent | undefined): boolean {
  if (event === undefined) return false;
  if (event.type === "error") return JSON.parse(event.text).data.fatal === true;
  return event.type === "complete" || event.type === "cancelled";
}

/** What tool results say was paid, and what a cancellation says was paid all the same. */
function costOf(log: readonly StoredEvent[]): bigint {
  const last = log.findLast(({ type }) => type === "budget");
  return last === undefined ? 0n : micros(JSON.parse(last.text).data.spent);
}

async function checkLedger({ db }: Store, budgetMicros: bigint, violations: string[]): Promise<bigint> {
  const sessions = await db.selectFrom("sessions").selectAll().execute();
  let spent = 0n;
  for (const session of sessions) {
    const [settled, reserved] = [BigInt(session.spent_micros), BigInt(session.reserved_micros)];
    spent += settled;
    if (settled + reserved > budgetMicros) violations.push(`session ${session.id} is over its budget`);
    if (reserved !== 0n) violations.push(`session ${session.id} still has ${reserved} millionths set aside`);
  }
  const rows = await db.selectFrom("spends").select(["micros", "status"]).execute();
  const ledger = rows.reduce((sum, row) => (row.status === "settled" ? sum + BigInt(row.micros) : sum), 0n);
  if (ledger !== spent) violations.push(`the spends add up to ${ledger} and the sessions to ${spent} millionths`);
  return spent;
}

function micros(usd: string): bigint {
  const [whole = "0", part = ""] = usd.split(".");
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0"));
}
