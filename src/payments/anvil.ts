import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, closeSync, copyFileSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import { callRpc } from "./json-rpc.ts";
import { findLocalPort } from "./local-port.ts";

const require = createRequire(import.meta.url);
const startTimeoutMs = 15_000;
const stopTimeoutMs = 10_000;

export const localChainId = 31337;

/** A running local chain. `close` lets it save its state and waits for its end. */
export interface Anvil {
  readonly rpcUrl: string;
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

const PidRecord = z.object({ pid: z.int().positive(), port: z.int().positive() });

/** How many accounts the chain signs for, each with coin for gas. */
export const chainAccounts = 36;

/**
 * Starts the chain on loopback with the state kept in `folder`, on a free port unless one is named. It runs in a
 * process group of its own, so that it outlives a killed server and no transaction is lost; `adoptAnvil` finds
 * it again.
 */
export async function startAnvil(
  folder: string,
  { chainId = localChainId, port: wanted }: { chainId?: number; port?: number | undefined } = {},
): Promise<Anvil> {
  const port = wanted ?? (await findLocalPort());
  const rpcUrl = `http://127.0.0.1:${port}`;
  const logPath = join(folder, "anvil.log");
  const log = openSync(logPath, "w", 0o600);
  const child = spawn(
    anvilBinary(),
    [
      ...["--host", "127.0.0.1", "--port", String(port), "--chain-id", String(chainId)],
      ...["--accounts", String(chainAccounts)],
      ...["--state", stateFile(folder), "--state-interval", "1", "--no-cors", "--quiet"],
    ],
    { stdio: ["ignore", log, log], detached: true },
  );
  closeSync(log);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  child.unref();
  await waitUntilReady(child, rpcUrl, logPath);
  const pid = child.pid;
  if (pid === undefined) throw new PaygentError("unavailable", "The local chain did not start.");
  writeFileSync(pidFile(folder), JSON.stringify({ pid, port }), { mode: 0o600 });
  return { rpcUrl, port, pid, close: () => stop(folder, pid, exited) };
}

/**
 * The chain that a killed server left running on `folder`, if there is one; one that hangs is ended. For who
 * may start another in its place.
 */
export async function adoptAnvil(folder: string): Promise<Anvil | undefined> {
  const running = recordedAnvil(folder);
  if (running === undefined || (await isLocalChain(running.rpcUrl))) return running;
  // It hangs. Two chains must never write the same state file.
  signal(running.pid, "SIGKILL");
  await untilGone(running.pid);
  return undefined;
}

/** The chain that runs on `folder` and answers, if there is one. */
export async function findAnvil(folder: string): Promise<Anvil | undefined> {
  const running = recordedAnvil(folder);
  return running !== undefined && (await isLocalChain(running.rpcUrl)) ? running : undefined;
}

function recordedAnvil(folder: string): Anvil | undefined {
  const record = readPidRecord(folder);
  if (record === undefined || !isRunning(record.pid) || !servesFolder(record.pid, folder)) return undefined;
  const { pid, port } = record;
  return { rpcUrl: `http://127.0.0.1:${port}`, port, pid, close: () => stop(folder, pid, untilGone(pid)) };
}

/** Throws the saved chain of `folder` away. */
export function forgetChain(folder: string): void {
  rmSync(stateFile(folder), { force: true });
  rmSync(backupFile(folder), { force: true });
}

/**
 * Makes sure that the saved chain can be read. The chain rewrites its file in place, so a kill in that moment
 * leaves half a file; then the copy made at the last start is taken. Answers what of the two is there now.
 */
export function checkSavedChain(folder: string): "current" | "older" | "none" {
  if (holdsJson(stateFile(folder))) {
    copyFileSync(stateFile(folder), backupFile(folder));
    chmodSync(backupFile(folder), 0o600);
    return "current";
  }
  if (!holdsJson(backupFile(folder))) return "none";
  copyFileSync(backupFile(folder), stateFile(folder));
  return "older";
}

const stateFile = (folder: string) => join(folder, "chain.json");
const backupFile = (folder: string) => join(folder, "chain-backup.json");
const pidFile = (folder: string) => join(folder, "anvil.pid");

function anvilBinary(): string {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const name = `@foundry-rs/anvil-${process.platform}-${arch}`;
  try {
    const home = dirname(require.resolve(`${name}/package.json`));
    return join(home, "bin", process.platform === "win32" ? "anvil.exe" : "anvil");
  } catch (cause) {
    throw new PaygentError(
      "unavailable",
      `The local chain needs the package ${name}, which is not installed. Run "npm install" without --omit=optional, or set PAYGENT_CHAIN to a hosted network.`,
      { cause },
    );
  }
}

async function waitUntilReady(child: ChildProcess, rpcUrl: string, logPath: string): Promise<void> {
  let spawnError: unknown;
  child.once("error", (error) => {
    spawnError = error;
  });
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    if (spawnError !== undefined || child.exitCode !== null || child.signalCode !== null)
      throw startFailure(readFileSync(logPath, "utf8"), spawnError);
    try {
      await callRpc(rpcUrl, "eth_chainId");
      return;
    } catch (cause) {
      if (performance.now() > deadline) {
        child.kill("SIGKILL");
        throw new PaygentError("unavailable", "The local chain did not answer within 15 seconds.", { cause });
      }
      await delay(5);
    }
  }
}

function startFailure(log: string, cause: unknown): PaygentError {
  const message = /GLIBC_/.test(log)
    ? "The local chain needs glibc 2.35 or newer, and this system has an older one. Use a newer system (Debian 12, Ubuntu 22.04), or set PAYGENT_CHAIN to a hosted network."
    : "The local chain ended while it was starting; its log is anvil.log in the data folder.";
  return new PaygentError("unavailable", message, { cause: cause ?? new Error(log.slice(0, 2000)) });
}

async function isLocalChain(rpcUrl: string): Promise<boolean> {
  try {
    return Number(await callRpc(rpcUrl, "eth_chainId")) === localChainId;
  } catch {
    return false;
  }
}

async function stop(folder: string, pid: number, gone: Promise<void>): Promise<void> {
  signal(pid, "SIGTERM");
  const kill = setTimeout(() => signal(pid, "SIGKILL"), stopTimeoutMs);
  await gone;
  clearTimeout(kill);
  rmSync(pidFile(folder), { force: true });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already, which is what was asked for.
  }
}

async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await delay(20);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A container without an init leaves ended orphans as zombies, which still take signals.
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Process ids are reused: the process must have been started with this folder's state file. */
function servesFolder(pid: number, folder: string): boolean {
  try {
    const command =
      process.platform === "linux"
        ? readFileSync(`/proc/${pid}/cmdline`, "utf8")
        : execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
    return command.includes(stateFile(folder));
  } catch {
    return false;
  }
}

function readPidRecord(folder: string): z.infer<typeof PidRecord> | undefined {
  try {
    return PidRecord.parse(JSON.parse(readFileSync(pidFile(folder), "utf8")));
  } catch {
    // Absent after a clean end, cut short by a crash: either way it names no chain.
    return undefined;
  }
}

function holdsJson(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
}
