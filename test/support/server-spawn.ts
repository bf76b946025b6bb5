import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TestDatabase } from "./database.ts";
import type { FaultPoint } from "./fault-points.ts";
import { authSecret, type ServerCalls, serverCalls } from "./server-calls.ts";

const programs = {
  /** What `paygent start` runs, with its own chain and the `rules` model. */
  paygent: [fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url)), "start", "--json"],
  faulty: [fileURLToPath(new URL("./faulty-process.ts", import.meta.url))],
};

export type ServerProgram = keyof typeof programs;

/** A server in a process of its own, to be killed. */
export interface ServerProcess extends ServerCalls {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the process has ended, whatever ended it. */
  readonly ended: Promise<void>;
  /** Lets the server end itself at a point, or stand still there until `wake`. */
  failAt(point: FaultPoint): Promise<void>;
  /** Waits until it stands still. */
  untilStopped(): Promise<void>;
  wake(): void;
  kill(): Promise<void>;
  /** SIGTERM, and then its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a server and gives it when it listens; whoever asks for it ends it. */
export async function spawnServer(
  database: TestDatabase,
  program: ServerProgram,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, programs[program], {
    env: {
      PATH: process.env.PATH,
      PORT: "0",
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), "paygent-test-compile-cache"),
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
  const url = await addressOf(child).catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  return {
    ...serverCalls(url),
    url,
    pid: child.pid ?? 0,
    ended,
    async failAt(point) {
      const armed = once(child, "message");
      child.send(point);
      await armed;
    },
    async untilStopped() {
      const state = () => execFileSync("ps", ["-o", "state=", "-p", String(child.pid)], { encoding: "utf8" });
      while (!state().startsWith("T")) await delay(10);
    },
    wake: () => void child.kill("SIGCONT"),
    kill,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
  };
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
