import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type TestDatabase, testDatabase } from "../test/support/database.ts";
import type { Question, Ready, Usage } from "./child-protocol.ts";
import { typeOf } from "./run-player.ts";
import { openWire, type WireClient } from "./wire-client.ts";

/** A server in a process of its own. */
export interface BenchServer {
  readonly url: string;
  readonly token: string;
  /** Of the server's own user, unless another one's token is given. */
  createSession(config?: Record<string, unknown>, ownToken?: string): Promise<string>;
  connect(sessionId: string, ownToken?: string): Promise<WireClient>;
  /** Connects again after event `lastSeq`, and waits for the end of the execution that was missed. */
  resume(sessionId: string, lastSeq: number): Promise<WireClient>;
  /** Where a service of the catalogue is. */
  urlOf(service: string): Promise<string>;
  usage(question: Exclude<Question, "close">): Promise<Usage>;
  close(): Promise<void>;
  /** Ends the process with SIGKILL, as a crash would. */
  kill(): Promise<void>;
}

/** Paygent on a fresh store: SQLite, or a database of the PostgreSQL server at `databaseUrl`. */
export async function startPaygent(
  databaseUrl: string | undefined,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const database = await testDatabase(databaseUrl ?? "");
  const env = { ...process.env, DATABASE_URL: "", PAYGENT_DATA_DIR: database.dataDir, ...database.env, ...settings };
  return startProcess("paygent-process.ts", env, database);
}

/** So many Paygents on one fresh database of the PostgreSQL server at `databaseUrl`. */
export async function startNodes(
  databaseUrl: string,
  count: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ nodes: BenchServer[]; close(): Promise<void> }> {
  const database = await testDatabase(databaseUrl);
  const nodes: BenchServer[] = [];
  const folders: TestDatabase[] = [];
  for (let started = 0; started < count; started++) {
    const folder = await testDatabase("");
    folders.push(folder);
    const env = { ...process.env, ...database.env, ...settings, PAYGENT_DATA_DIR: folder.dataDir };
    nodes.push(await startProcess("paygent-process.ts", env));
  }
  return {
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
      for (const folder of [...folders, database]) await folder.remove();
    },
  };
}

/** Paygent on a fresh store and a fresh local chain, which lies in the data folder. */
export async function startPaid(databaseUrl: string | undefined): Promise<{ server: BenchServer; dataDir: string }> {
  const database = await testDatabase(databaseUrl ?? "");
  const { dataDir } = database;
  const env = { ...process.env, DATABASE_URL: "", PAYGENT_DATA_DIR: dataDir, ...database.env };
  return { server: await startProcess("paid-process.ts", env, database), dataDir };
}

/** The baseline. */
export function startBare(): Promise<BenchServer> {
  return startProcess("bare-process.ts", process.env);
}

async function startProcess(file: string, env: NodeJS.ProcessEnv, database?: TestDatabase): Promise<BenchServer> {
  const child = fork(new URL(file, import.meta.url), { env, execArgv: [...process.execArgv, "--expose-gc"] });
  const { url, token } = await answer<Ready>(child);
  const socketUrl = `${url}/api/v1/ws?session_id=`;

  return {
    url,
    token,
    async createSession(config = {}, ownToken = token) {
      const response = await fetch(`${url}/api/v1/sessions`, {
        method: "POST",
        headers: { authorization: `Bearer ${ownToken}`, "content-type": "application/json" },
        body: JSON.stringify({ config }),
      });
      // Both servers answer with the session, or the next step fails on the undefined id.
      return ((await response.json()) as { id: string }).id;
    },
    connect: (sessionId, ownToken = token) => openWire(`${socketUrl}${sessionId}`, ownToken),
    resume: (sessionId, lastSeq) =>
      openWire(`${socketUrl}${sessionId}&last_seq=${lastSeq}`, token, (payload) => typeOf(payload) === "complete"),
    async urlOf(service) {
      const response = await fetch(`${url}/api/v1/services`, { headers: { authorization: `Bearer ${token}` } });
      // The server answers with its catalogue.
      const { data } = (await response.json()) as { data: { name: string; url: string }[] };
      return data.find(({ name }) => name === service)?.url ?? "";
    },
    usage(question) {
      child.send(question);
      return answer<Usage>(child);
    },
    async kill() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.send("close" satisfies Question);
      await exited;
      await database?.remove();
    },
  };
}

/** Memory once the collector has nothing more to give back. */
export async function settledMemory(server: BenchServer): Promise<Usage> {
  let least = await server.usage("memory");
  for (let asked = 0; asked < 5; asked++) {
    const now = await server.usage("memory");
    if (now.rss < least.rss) least = now;
  }
  return least;
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const exited = new AbortController();
  const onExit = () => exited.abort(new Error(`The server process ended (${child.exitCode}).`));
  child.once("exit", onExit);
  try {
    const [message] = await once(child, "message", { signal: exited.signal });
    // The child sends what child-protocol.ts says it does.
    return message as T;
  } finally {
    child.off("exit", onExit);
  }
}
