import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { authSecret } from "../support/server-calls.ts";
import { FaultyProxy } from "./proxy.ts";

const program = fileURLToPath(new URL("../support/faulty-process.ts", import.meta.url));

const startMs = 120_000;

/** One node in a process of its own, behind a proxy that stays where it is when the node is restarted. */
export class Node {
  readonly proxy: FaultyProxy;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  private constructor(proxy: FaultyProxy, env: Readonly<Record<string, string>>) {
    this.proxy = proxy;
    this.#env = env;
  }

  static async start(env: Readonly<Record<string, string>>): Promise<Node> {
    const node = new Node(await FaultyProxy.open(), env);
    await node.start();
    return node;
  }

  async start(): Promise<void> {
    const deadline = Date.now() + startMs;
    while (Date.now() < deadline) {
      const child = spawn(process.execPath, [program], {
        env: {
          PATH: process.env.PATH,
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), "paygent-test-compile-cache"),
          PAYGENT_AUTH_SECRET: authSecret,
          ...this.#env,
        },
        stdio: ["ignore", "pipe", process.env.CHAOS_LOG === undefined ? "ignore" : "inherit", "ipc"],
      });
      this.#child = child;
      const port = await portOf(child);
      // A database that is just being restarted ends the start; it is tried again like a supervisor would.
      if (port === undefined) continue;
      this.proxy.target = port;
      return;
    }
    throw new Error(`A node did not start for ${startMs / 1000} seconds.`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    this.proxy.target = undefined;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Asks it to end, and gives its exit code. */
  async terminate(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return null;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    this.proxy.target = undefined;
    return child.exitCode;
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }
}

async function portOf(child: ChildProcess): Promise<number | undefined> {
  if (child.stdout === null) return undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return Number(new URL(JSON.parse(line).url).port);
  }
  return undefined;
}
