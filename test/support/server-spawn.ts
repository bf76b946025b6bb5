import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestDatabase } from "./database.ts";
import { authSecret, type ServerCalls, serverCalls } from "./server-calls.ts";

/** Where a server of `faulty-process.ts` kills itself, counted from when it is told. */
export type KillPoint =
  | { readonly point: "commit"; readonly when: "before" | "after"; readonly number: number }
  /** Just before it begins, or goes on with, an execution that it has claimed. */
  | { readonly point: "start" }
  /** Around the first request that a step of a payment makes. */
  | { readonly point: "step"; readonly step: PaymentStep; readonly when: "before" | "after" };

/** What goes out for a payment: the unpaid request, the chain's time, the signed bytes, the transaction, the look at the chain. */
export type PaymentStep = "quote" | "sign" | "send" | "settle" | "look";

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
  killAt(point: KillPoint): Promise<void>;
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

/** The first line that the process prints has it. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("The process has no output.");
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return JSON.parse(line).url;
  }
  throw new Error("The server ended while it was starting.");
}
