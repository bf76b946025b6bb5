import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A server in a process of its own, to be killed. */
export interface DemoServer {
  readonly url: string;
  readonly pid: number;
  kill(): Promise<void>;
  /** Lets it end in order. */
  stop(): Promise<void>;
}

/** Starts `program start` on a data folder. Rejects when it ends before it listens. */
export async function startDemoServer(program: string, dataDir: string, port: number): Promise<DemoServer> {
  const child = spawn(process.execPath, [program, "start", "--json", "--port", String(port)], {
    // Nothing of the caller's own server: neither its database nor its secrets, models or chain.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PAYGENT_DATA_DIR: dataDir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  const url = await addressOf(child);
  return { url, pid: child.pid ?? 0, kill: () => end("SIGKILL"), stop: () => end("SIGTERM") };
}

async function addressOf({ stdout, stderr }: ChildProcess): Promise<string> {
  let complaint = "";
  stderr?.on("data", (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString()}`.slice(-2000);
  });
  if (stdout === null) throw new Error("The server has no output.");
  for await (const line of createInterface({ input: stdout })) {
    stdout.resume();
    return JSON.parse(line).url;
  }
  throw new Error(`The server did not start. ${complaint.trim()}`);
}
