import type { StoredEvent } from "../../src/store/event-log.ts";
import type { Kept } from "./kept.ts";

/** What one client was told, and what it had asked for. */
export interface Told {
  readonly sessionId: string;
  readonly sent: readonly { readonly executionId: string }[];
  /** The durable frames in the order in which they came. */
  readonly history: readonly { readonly seq: number; readonly text: string }[];
  /** Sentences for what it noticed itself. */
  readonly violations: readonly string[];
}

const decided = new Set(["approved", "rejected", "edit_approved", "approval_expired"]);

/** Holds what every client was told, the database and the chain against each other; a sentence for each violation. */
export function findViolations(told: readonly Told[], kept: Kept, budgetMicros: bigint): string[] {
  return [
    ...told.flatMap((client) => client.violations),
    ...told.flatMap((client) => checkHistory(client, kept.logs.get(client.sessionId) ?? [])),
    ...told.flatMap((client) => checkExecutions(client, kept.logs.get(client.sessionId) ?? [])),
    ...[...kept.logs].flatMap(([sessionId, log]) => checkDecisions(sessionId, log)),
    ...kept.broken,
    ...checkBudgets(kept, budgetMicros),
    ...checkMoney(kept),
    ...checkTransfers(kept),
    ...(new Set(kept.effects).size === kept.effects.length ? [] : ["a write happened twice"]),
  ];
}

/** What a client saw is the log, byte for byte, from the first event to the last. */
function checkHistory({ sessionId, history }: Told, log: readonly StoredEvent[]): string[] {
  const violations = history.flatMap(({ seq }, index) =>
    seq === index + 1 ? [] : [`a client of ${sessionId} was told event ${seq} where ${index + 1} was due`],
  );
  if (history.length !== log.length)
    violations.push(`a client of ${sessionId} saw ${history.length} events of ${log.length}`);
  const texts = new Map(log.map(({ seq, text }) => [seq, text]));
  const changed = history.find(({ seq, text }) => texts.has(seq) && texts.get(seq) !== text);
  if (changed !== undefined)
    violations.push(`event ${changed.seq} of ${sessionId} was sent otherwise than it is stored`);
  return violations;
}

function checkExecutions({ sent, sessionId }: Told, log: readonly StoredEvent[]): string[] {
  return sent.flatMap(({ executionId }) => {
    const own = log.filter((event) => event.executionId === executionId);
    const ends = own.filter(isEnd).length;
    const starts = own.filter(({ type }) => type === "execution_started").length;
    return [
      ...(starts === 1 ? [] : [`execution ${executionId} of ${sessionId} started ${starts} times`]),
      ...(ends === 1 ? [] : [`execution ${executionId} of ${sessionId} ended ${ends} times`]),
      ...(ends === 1 && !isEnd(own.at(-1)) ? [`execution ${executionId} went on after its end`] : []),
    ];
  });
}

/** A request is decided at most once, and exactly once when its execution came to its own end. */
function checkDecisions(sessionId: string, log: readonly StoredEvent[]): string[] {
  const completed = new Set(log.filter(({ type }) => type === "complete").map(({ executionId }) => executionId));
  const decisions = log.filter(({ type }) => decided.has(type)).map(requestOf);
  return log
    .filter(({ type }) => type === "approval_required")
    .flatMap((asked) => {
      const count = decisions.filter((requestId) => requestId === requestOf(asked)).length;
      const isRight = count === 1 || (count === 0 && !completed.has(asked.executionId));
      return isRight ? [] : [`request ${requestOf(asked)} of ${sessionId} was decided ${count} times`];
    });
}

function requestOf({ text }: StoredEvent): string {
  return JSON.parse(text).data.request_id;
}

function isEnd(event: StoredEvent | undefined): boolean {
  if (event === undefined) return false;
  if (event.type === "error") return JSON.parse(event.text).data.fatal === true;
  return event.type === "complete" || event.type === "cancelled";
}

/** At rest and at every moment that the log tells of. */
function checkBudgets({ logs, sessions }: Kept, budgetMicros: bigint): string[] {
  const violations: string[] = [];
  for (const { id, spent, reserved } of sessions) {
    if (spent + reserved > budgetMicros) violations.push(`session ${id} is over its budget`);
    if (reserved !== 0n) violations.push(`session ${id} still has ${reserved} millionths set aside`);
  }
  for (const [id, log] of logs)
    for (const { seq, budget } of budgetsOf(log))
      if (micros(budget.spent) + micros(budget.reserved) > budgetMicros)
        violations.push(`session ${id} was over its budget at event ${seq}`);
  return violations;
}

/** Sessions, spends, events and the chain say the same of what was paid. */
function checkMoney({ logs, sessions, spends, transfers }: Kept): string[] {
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const spent = sum(sessions.map((session) => session.spent));
  const settled = sum(spends.filter(({ status }) => status === "settled").map((spend) => spend.micros));
  const told = sum([...logs.values()].map((log) => micros(budgetsOf(log).at(-1)?.budget.spent ?? "0")));
  const moved = sum(transfers.map(({ value }) => value));
  return [
    ...(settled === spent ? [] : [`the spends add up to ${settled} and the sessions to ${spent} millionths`]),
    ...(told === spent ? [] : [`the ledger says ${spent} and the events say ${told} millionths`]),
    ...(moved === spent ? [] : [`the ledger says ${spent} and the chain says ${moved} millionths`]),
  ];
}

/** Every payment that settled is one transfer, and there is no other. */
function checkTransfers({ payments, transfers }: Kept): string[] {
  const violations: string[] = [];
  const moved = transfers.map(({ txHash }) => txHash);
  const settled = payments.filter(({ state }) => state === "settled");
  for (const { id, txHash } of settled) {
    const count = moved.filter((hash) => hash === txHash).length;
    if (count !== 1) violations.push(`payment ${id} is ${count} transfers on the chain`);
  }
  const known = new Set(settled.map(({ txHash }) => txHash));
  for (const hash of moved) if (!known.has(hash)) violations.push(`transfer ${hash} belongs to no payment`);
  for (const { id, state, endedAt } of payments)
    if (endedAt === null) violations.push(`payment ${id} is still ${state}`);
  return violations;
}

interface Budget {
  readonly spent: string;
  readonly reserved: string;
}

function budgetsOf(log: readonly StoredEvent[]): { seq: number; budget: Budget }[] {
  return log
    .filter(({ type }) => type === "budget")
    .map(({ seq, text }) => ({ seq, budget: JSON.parse(text).data as Budget }));
}

function micros(usd: string): bigint {
  const [whole = "0", part = ""] = usd.split(".");
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0"));
}
