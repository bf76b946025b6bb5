import { appendFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { pino } from "pino";
import { Worker } from "../../src/runtime/worker.ts";
import { startServer } from "../../src/server/start.ts";
import { fakeWorld } from "./fake-world.ts";
import { callingModel } from "./scripted-model.ts";
import type { KillPoint } from "./server-spawn.ts";
import { sharedWorld } from "./shared-world.ts";
import { readTool, writeTool } from "./test-tools.ts";

/**
 * A server in a process of its own that can be told to kill itself at a numbered point. Its model calls the
 * tools that a command names; `append` adds a line to `effects.log` in the data folder.
 */
const dataDir = process.env.PAYGENT_DATA_DIR ?? "";
const effectsFile = process.env.TEST_EFFECTS ?? join(dataDir, "effects.log");
let killPoint: KillPoint | undefined;
let commits = 0;

function die(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("The kernel ends this process before it gets here.");
}

function atCommit<T>(commit: () => T): T {
  commits += 1;
  const due = killPoint?.point === "commit" && killPoint.number === commits ? killPoint : undefined;
  if (due?.when === "before") die();
  const result = commit();
  if (due === undefined) return result;
  if (!(result instanceof Promise)) die();
  // Its type is T, of a promise that never settles because the process ends first.
  return result.then(die) as T;
}

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  return sql === "COMMIT" ? atCommit(() => exec.call(this, sql)) : exec.call(this, sql);
};

const { query } = pg.Client.prototype;
// The overloads of `query` cannot be told apart here; whatever came in is passed on.
pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
  const run = () => (query as (...all: unknown[]) => unknown).apply(this, given);
  return given[0] === "commit" ? atCommit(run) : run();
} as typeof query;

const { start } = Worker.prototype;
Worker.prototype.start = function (...given) {
  if (killPoint?.point === "start") die();
  start.apply(this, given);
};

const dateShiftMs = Number(process.env.TEST_DATE_SHIFT_MS ?? 0);
if (dateShiftMs !== 0) {
  const { now } = Date;
  Date.now = () => now() + dateShiftMs;
}

/** Which step of a payment a request belongs to: everything that the wallet, the merchant and its facilitator do is one. */
function stepOf(headers: Headers, body: unknown): string | undefined {
  if (headers.has("payment-signature")) return "send";
  if (typeof body !== "string")
    return headers.get("accept")?.startsWith("application/json, text/") ? "quote" : undefined;
  if (body.includes('"eth_getBlockByNumber"')) return "sign";
  if (body.includes('"eth_sendTransaction"')) return "settle";
  return body.includes('"eth_getLogs"') ? "look" : undefined;
}

const { fetch: realFetch } = globalThis;
globalThis.fetch = async (input, init) => {
  const due = killPoint?.point === "step" ? killPoint : undefined;
  const isDue = due !== undefined && stepOf(new Headers(init?.headers), init?.body) === due.step;
  if (isDue && due.when === "before") die();
  const response = await realFetch(input, init);
  if (isDue) die();
  return response;
};

process.on("message", (point: KillPoint) => {
  killPoint = point;
  commits = 0;
  process.send?.("armed");
});
// The test that started this process has ended without ending it.
process.on("disconnect", () => process.exit());

const world = process.env.TEST_WORLD === "fake" ? fakeWorld() : await sharedWorld();
const server = await startServer(
  { port: 0 },
  {
    model: callingModel(),
    tools: [
      writeTool("append", ({ line }) => {
        appendFileSync(effectsFile, `${line}\n`);
        return "appended";
      }),
      readTool("look", () => "seen"),
    ],
    ...(world === undefined ? {} : { world }),
    // With one sweep at the start no commits of sweeps come between those that a test counts; whatever a node
    // before this one owned is then taken over at once.
    worker:
      process.env.TEST_SWEEPS === "once"
        ? { sweepMs: 600_000, leaseMs: 1, beatMs: 600_000 }
        : { sweepMs: 200, leaseMs: Number(process.env.TEST_LEASE_MS ?? 1000) },
    logger: pino({ level: process.env.LOG_LEVEL ?? "silent" }),
  },
);
process.on("SIGTERM", () => void server.close().then(() => process.exit()));
// A process that is killed would not keep what it has compiled; the next one starts in half the time with it.
flushCompileCache();
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
