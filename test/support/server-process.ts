import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import { adoptAnvil } from "../../src/payments/anvil.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { authSecret, type ServerCalls, serverCalls } from "./server-calls.ts";

/** Where a server of `faulty-process.ts` kills itself, counted from when it is told. */
export type KillPoint =
  | { readonly point: "commit"; readonly when: "before" | "after"; readonly number: number }
  /** Just before it begins, or goes on with, an execution that it has claimed. */
  | { readonly point: "start" };

const programs = {
  /** What `paygent start` runs, with its own chain and the `rules` model. */
  paygent: [fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url)), "start", "--json"],
  faulty: [fileURLToPath(new URL("./faulty-process.ts", import.meta.url))],
};

/** A server in a process of its own, to be killed. */
export interface ServerProcess extends ServerCalls {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the process has ended, whatever ended it. */
  readonly ended: Promise<void>;
  killAt(point: KillPoint): Promise<void>;
  kill(): Promise<void>;
  /** SIGTERM, and then its exit code. */
  stop(): Promise<number | null>;
}

/** A data folder and database for the servers of one test; what they leave behind is gone when it is over. */
export async function databaseForProcesses(): Promise<TestDatabase> {
  const database = await testDatabase();
  onTestFinished(async () => {
    // A chain outlives its killed server.
    await (await adoptAnvil(join(database.dataDir, "chain")))?.close();
    await database.remove();
  });
  return database;
}

export async function startProcess(
  database: TestDatabase,
  program: keyof typeof programs,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, programs[program], {
    env: {
      PATH: process.env.PATH,
      PORT: "0",
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      PAYGENT_AUTH_SECRET: authSecret,
      PAYGENT_DATA_DIR: database.dataDir,
      ...database.env,
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit", program === "faulty" ? "ipc" : "ignore"],
  });
  const ended = once(child, "exit").then(() => undefined);
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(kill);
  const url = await addressOf(child);
  return {
    ...serverCalls(url),
    url,
    pid: child.pid ?? 0,
    ended,
    async killAt(point) {
      const armed = once(child, "message");
      child.send(point);
      await armed;
    },
    kill,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
  };
}

/** Waits until an execution rests: a client hears of its question a commit before that. */
export async function untilWaiting(server: ServerCalls, executionId: string): Promise<void> {
  const status = async () => (await server.http("GET", `/executions/${executionId}`)).body.status;
  await expect.poll(status, { interval: 10, timeout: 10_000 }).toBe("waiting");
}

/** The first line that the process prints has it. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("The process has no output.");
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return JSON.parse(line).url;
  }
  throw new Error("The server ended while it was starting.");
}
