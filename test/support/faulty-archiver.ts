import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { archiveByHand } from "../../src/server/archive-by-hand.ts";

/**
 * Archives one session in a process of its own, and kills itself before the step whose number it is given. Steps
 * are what leaves a trace: files made, written, synced, renamed and removed, and commits. It prints their names.
 */
const [sessionId = "", archiveDir = "", killAt = "0"] = process.argv.slice(2);
let steps = 0;

function step(name: string): void {
  steps += 1;
  if (steps === Number(killAt)) process.kill(process.pid, "SIGKILL");
  process.stdout.write(`${name}\n`);
}

const { open, rename, rm, mkdir } = fs.promises;
Object.assign(fs.promises, {
  async open(path: string, ...rest: [string, number?]) {
    const name = /\.part$/.test(path) ? "file" : basename(path) === sessionId ? "folder" : "archive";
    if (rest[0] !== "r") step(`open ${name}`);
    const handle = await open(path, ...rest);
    const { appendFile, sync } = handle;
    handle.appendFile = async (data) => {
      step("write half");
      const text = String(data);
      const half = Math.floor(text.length / 2);
      await appendFile.call(handle, text.slice(0, half));
      step("write the rest");
      await appendFile.call(handle, text.slice(half));
    };
    handle.sync = () => {
      step(`sync ${name}`);
      return sync.call(handle);
    };
    return handle;
  },
  rename(...given: Parameters<typeof rename>) {
    step("rename");
    return rename(...given);
  },
  rm(...given: Parameters<typeof rm>) {
    step("remove");
    return rm(...given);
  },
  mkdir(...given: Parameters<typeof mkdir>) {
    step("make folder");
    return mkdir(...given);
  },
});
syncBuiltinESMExports();

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  if (sql === "COMMIT") step("commit");
  return exec.call(this, sql);
};
const { query } = pg.Client.prototype;
// The overloads of `query` cannot be told apart here; whatever came in is passed on.
pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
  if (given[0] === "commit") step("commit");
  return (query as (...all: unknown[]) => unknown).apply(this, given);
} as typeof query;

const url = process.env.DATABASE_URL;
const place = url === undefined ? { dataDir: process.env.PAYGENT_DATA_DIR ?? "" } : { url };
const { signal } = new AbortController();
for await (const { outcome } of archiveByHand(place, { sessionId, days: 30, archiveDir, isDryRun: false, signal })) {
  step(outcome);
}
