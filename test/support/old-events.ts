import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ArchiveLine } from "../../src/protocol/archive-line.ts";
import { archiveByHand } from "../../src/server/archive-by-hand.ts";
import { segmentsIn } from "../../src/store/archive-folder.ts";
import { type CommandEnd, paygent } from "./command-line.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import { callingModel } from "./scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./test-server.ts";
import { readTool } from "./test-tools.ts";

export const dayMs = 24 * 60 * 60_000;
/** How long ago it is for these tests; they keep the events of thirty days. */
const agoMs = 40 * dayMs;

/** A server whose clock stands forty days before now until `comeBack` is called, and what old events are worth. */
export interface OldServer extends TestServer {
  readonly clock: ManualClock;
  readonly archive: string;
  /** Lets the forty days pass. */
  comeBack(): void;
  /** A session in which so many commands were carried out. */
  oldSession(commands?: number): Promise<string>;
  /** Runs `paygent archive` and gives what it did. */
  archiveEvents(...args: string[]): Promise<JsonLine[]>;
  /** Runs `paygent` on the server's database. */
  paygent(...args: string[]): Promise<CommandEnd>;
}

export async function serverOfOld(parts: Parameters<typeof startTestServer>[0] = {}): Promise<OldServer> {
  const clock = manualClock();
  clock.advance(-agoMs);
  const tools = [readTool("look", ({ text }) => text ?? "seen\u2028\n")];
  const server = await startTestServer({ clock, model: callingModel(), tools, ...parts });
  const env = { PAYGENT_DATA_DIR: server.database.dataDir, ...server.database.env };
  return {
    ...server,
    clock,
    archive: join(server.database.dataDir, "archive"),
    comeBack: () => clock.advance(agoMs),
    paygent: (...args) => paygent(args, env),
    async archiveEvents(...args) {
      const end = await paygent(["archive", "--days", "30", "--json", ...args], env);
      if (end.code !== 0) throw new Error(end.err + end.out);
      return jsonLines(end);
    },
    async oldSession(commands = 3) {
      const { id } = await server.createSession();
      const client = await server.connect(id);
      for (let count = 0; count < commands; count++) await client.end(execute(client, "look {} && look {}"));
      await client.close();
      return id;
    },
  };
}

/** The same for the test that asks for it, gone when the test is over. */
export async function oldServerForTest(parts: Parameters<typeof startTestServer>[0] = {}): Promise<OldServer> {
  const server = await serverOfOld(parts);
  onTestFinished(() => server.remove());
  return server;
}

/** Archives all of a session's events that are older than thirty days, in this process. */
export async function archiveHere(server: OldServer, sessionId: string): Promise<void> {
  for await (const line of archiveSteps(server, sessionId)) if (line.outcome === "refused") throw line.problem;
}

/** The same, line by line. */
export function archiveSteps(
  server: OldServer,
  sessionId: string,
  signal = new AbortController().signal,
): AsyncGenerator<ArchiveLine> {
  const url = server.database.env.DATABASE_URL;
  const place = url === undefined ? { dataDir: server.database.dataDir } : { url };
  return archiveByHand(place, { sessionId, days: 30, archiveDir: server.archive, isDryRun: false, signal });
}

/** A session's whole log as `GET /logs` gives it, an entry a line. */
export async function logLines(server: TestServer, sessionId: string): Promise<string[]> {
  const lines: string[] = [];
  for (let cursor: string | null = "0"; cursor !== null; ) {
    const path: string = `/logs?session_id=${sessionId}&limit=200&cursor=${cursor}`;
    const { body } = await server.http("GET", path);
    lines.push(...body.data.map((entry: unknown) => JSON.stringify(entry)));
    cursor = body.next_cursor;
  }
  return lines;
}

/** What a session's files hold, one behind the other. */
export async function archivedLines(archive: string, sessionId: string): Promise<string[]> {
  const segments = await segmentsIn(join(archive, sessionId));
  return segments.flatMap(({ path }) => readFileSync(path, "utf8").split("\n").slice(0, -1));
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into lines of every shape.
type JsonLine = any;

/** The values of a command's JSON lines. */
export function jsonLines({ out }: CommandEnd): JsonLine[] {
  const lines = out.split("\n").filter(Boolean);
  return lines.map((line): JsonLine => JSON.parse(line));
}
