import { appendFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { pino } from "pino";
import { startServer } from "../../src/server/start.ts";
import { fakeWorld } from "./fake-world.ts";
import { faultyModel, passing } from "./fault-points.ts";
import { callingModel } from "./scripted-model.ts";
import { readTool, writeTool } from "./test-tools.ts";

/**
 * A server in a process of its own that can be told to kill or stop itself at a point (`fault-points.ts`). Its model
 * calls the tools that a command names; `append` adds a line to `effects.log` in the data folder.
 */
const dataDir = process.env.PAYGENT_DATA_DIR ?? "";
const effectsFile = process.env.TEST_EFFECTS ?? join(dataDir, "effects.log");
const dateShiftMs = Number(process.env.TEST_DATE_SHIFT_MS ?? 0);
if (dateShiftMs !== 0) {
  const { now } = Date;
  globalThis.Date = new Proxy(Date, {
    // Without arguments it is the time; with any, what they say.
    construct: (date, given) => Reflect.construct(date, given.length === 0 ? [now() + dateShiftMs] : given),
    get: (date, name) => (name === "now" ? () => now() + dateShiftMs : Reflect.get(date, name)),
  });
}

// The test that started this process has ended without ending it.
process.on("disconnect", () => process.exit());

const world = process.env.TEST_WORLD === "fake" ? fakeWorld() : undefined;
const server = await startServer(
  { port: 0 },
  {
    model: faultyModel(callingModel()),
    tools: [
      writeTool("append", ({ line }) => {
        passing("write");
        appendFileSync(effectsFile, `${line}\n`);
        return "appended";
      }),
      readTool("look", () => {
        passing("read");
        return "seen";
      }),
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
