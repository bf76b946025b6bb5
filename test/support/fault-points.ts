import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { DatabaseSync, StatementSync } from "node:sqlite";
import pg from "pg";
import { toFunctionSelector } from "viem";
import type { AgentModel } from "../../src/runtime/agent-model.ts";
import { Worker } from "../../src/runtime/worker.ts";

/** Where a server of `faulty-process.ts` fails, counted from when it is told. It ends itself unless told to stand still. */
export type FaultPoint = (
  | { readonly point: "commit"; readonly when: "before" | "after"; readonly number: number }
  /** Just before it begins, or goes on with, an execution that it has claimed. */
  | { readonly point: "start" }
  /** Around the first request that a step of a payment makes. */
  | { readonly point: "step"; readonly step: PaymentStep; readonly when: "before" | "after" }
  /** Around the commit that writes this down. */
  | { readonly point: "record"; readonly record: PaymentRecord; readonly when: "before" | "after" }
  | { readonly point: "moment"; readonly moment: Moment }
) & { readonly signal?: "SIGSTOP" };

/**
 * What goes out for a payment: the unpaid request, the chain's time, the signed bytes, the transaction, the look at
 * the chain, and the transaction that voids.
 */
export type PaymentStep = "quote" | "sign" | "send" | "settle" | "look" | "void";

/** What is written down of a payment: its money set aside, its signed bytes, that it settled or was given back, its content. */
export type PaymentRecord = "reserve" | "persist" | "settle" | "release" | "content";

/**
 * In the middle of a step: in a call of the model, in a tool that reads or writes; a payment's money is set aside and
 * nothing is signed, it is signed and not stored, stored and not sent, sent and not answered. PostgreSQL only.
 */
export type Moment = "model" | "read" | "write" | "reserved" | "signed" | "stored" | "sending";

/** What a server of `faulty-process.ts` notes of itself in `TEST_OUTGOING`, a line of JSON for each, before it is so. */
export type Outgoing =
  | { readonly pid: number; readonly kind: "signing" | "transaction" }
  | { readonly pid: number; readonly kind: "payment"; readonly header: string };

let armed: FaultPoint | undefined;
let commits = 0;

/** Fails. Comes back only when it was stopped, and woken. */
function fail({ signal }: FaultPoint): void {
  armed = undefined;
  process.kill(process.pid, signal ?? "SIGKILL");
  if (signal === undefined) throw new Error("The kernel ends this process before it gets here.");
}

/** Says that the process is in the middle of a step. */
export function passing(moment: Moment): void {
  if (armed?.point === "moment" && armed.moment === moment) fail(armed);
}

export function faultyModel(model: AgentModel): AgentModel {
  return {
    ...model,
    respond(request, options) {
      passing("model");
      return model.respond(request, options);
    },
  };
}

function recordsIn(sql: string, values: readonly unknown[]): PaymentRecord[] {
  const records: PaymentRecord[] = [];
  if (sql.includes('insert into "payments"') && values.includes("reserved")) records.push("reserve");
  if (sql.includes('update "payments"')) {
    if (sql.includes('"signed" =')) records.push("persist");
    if (sql.includes('"tx_hash" =')) records.push("settle");
    if (sql.includes('"content_state" =')) records.push("content");
  }
  if (sql.includes('update "spends"') && values.includes("released")) records.push("release");
  return records;
}

function isDue(point: FaultPoint, records: ReadonlySet<PaymentRecord>) {
  if (point.point === "commit") return point.number === commits ? point : undefined;
  return point.point === "record" && records.has(point.record) ? point : undefined;
}

function atCommit<T>(commit: () => T, records: ReadonlySet<PaymentRecord>): T {
  commits += 1;
  const due = armed && isDue(armed, records);
  if (due?.when === "before") fail(due);
  const result = commit();
  if (due?.when !== "after") return result;
  if (!(result instanceof Promise)) fail(due);
  // Its type is T, a promise here.
  return result instanceof Promise ? (result.finally(() => fail(due)) as T) : result;
}

/** What the transaction under way writes down: SQLite has one at a time. */
const written = new Set<PaymentRecord>();
const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  if (sql !== "COMMIT") return exec.call(this, sql);
  const records = new Set(written);
  written.clear();
  return atCommit(() => exec.call(this, sql), records);
};
const { run } = StatementSync.prototype;
// Named parameters are not used.
StatementSync.prototype.run = function (this: StatementSync, ...values: unknown[]) {
  for (const record of recordsIn(this.sourceSQL, values)) written.add(record);
  return (run as (...all: unknown[]) => ReturnType<typeof run>).apply(this, values);
} as typeof run;

/** What a transaction under way has written of a payment. */
const writes = new WeakMap<pg.Client, "reserved" | "stored">();
const recorded = new WeakMap<pg.Client, Set<PaymentRecord>>();
const { query } = pg.Client.prototype;
// The overloads of `query` cannot be told apart here; whatever came in is passed on.
pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
  const run = () => (query as (...all: unknown[]) => unknown).apply(this, given);
  const [first] = given;
  const text = typeof first === "string" ? first : String(Object(first).text);
  if (text.startsWith('insert into "payments"')) writes.set(this, "reserved");
  if (text.startsWith('update "payments"') && text.includes('"signed" =')) {
    writes.set(this, "stored");
    passing("signed");
  }
  const records = recorded.get(this) ?? new Set();
  recorded.set(this, records);
  if (text === "begin") records.clear();
  const { values } = Object(first) as { values?: unknown[] };
  for (const record of recordsIn(text, values ?? [])) records.add(record);
  if (text !== "commit") return run();
  const written = writes.get(this);
  writes.delete(this);
  const committed = atCommit(run, records);
  return written !== undefined && committed instanceof Promise
    ? committed.then((result: unknown) => {
        passing(written);
        return result;
      })
    : committed;
} as typeof query;

const { start } = Worker.prototype;
Worker.prototype.start = function (...given) {
  if (armed?.point === "start") fail(armed);
  start.apply(this, given);
};

/** How a call of it begins. */
const cancelAuthorization = toFunctionSelector("cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)");

/** Which step of a payment a request belongs to: everything that the wallet, the merchant and its facilitator do is one. */
function stepOf(headers: Headers, body: unknown): PaymentStep | undefined {
  if (headers.has("payment-signature")) return "send";
  if (typeof body !== "string")
    return headers.get("accept")?.startsWith("application/json, text/") ? "quote" : undefined;
  if (body.includes('"eth_getBlockByNumber"')) return "sign";
  if (body.includes('"eth_sendTransaction"')) return body.includes(cancelAuthorization) ? "void" : "settle";
  return body.includes('"eth_getLogs"') ? "look" : undefined;
}

function note(step: PaymentStep | undefined, headers: Headers): void {
  const path = process.env.TEST_OUTGOING;
  if (path === undefined) return;
  const { pid } = process;
  const header = headers.get("payment-signature") ?? "";
  const line: Outgoing | undefined =
    step === "send"
      ? { pid, kind: "payment", header }
      : step === "sign"
        ? { pid, kind: "signing" }
        : step === "settle" || step === "void"
          ? { pid, kind: "transaction" }
          : undefined;
  if (line !== undefined) appendFileSync(path, `${JSON.stringify(line)}\n`);
}

const { fetch: realFetch } = globalThis;
globalThis.fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  const step = stepOf(headers, init?.body);
  const due = armed?.point === "step" && armed.step === step ? armed : undefined;
  if (due?.when === "before") fail(due);
  note(step, headers);
  const response = await realFetch(input, init);
  if (due?.when === "after") fail(due);
  return response;
};

// The request is on its way when its last byte was written.
subscribe("undici:request:bodySent", (message) => {
  if (JSON.stringify(Object(message).request.headers).includes("payment-signature")) passing("sending");
});

process.on("message", (point: FaultPoint) => {
  armed = point;
  commits = 0;
  process.send?.("armed");
});
