import { rmSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { makeFolder, type PostgresServer, postgresPrograms, startPostgres } from "../chaos/processes.ts";
import { testDatabase } from "./database.ts";
import { callingModel } from "./scripted-model.ts";
import { startTestServer, type TestServer } from "./test-server.ts";
import { readTool } from "./test-tools.ts";

/**
 * Whether a test can have a PostgreSQL server for itself: the suite runs on PostgreSQL, and Debian's programs are
 * there to start another.
 */
export const canOwnPostgres = (process.env.DATABASE_URL ?? "") !== "" && postgresPrograms() !== undefined;

if ((process.env.DATABASE_URL ?? "") !== "" && !canOwnPostgres)
  process.stderr.write(
    "No PostgreSQL programs in /usr/lib/postgresql: tests that stop or spoil a server of their own are skipped.\n",
  );

/** A PostgreSQL server for the tests of a file, which run one after the other; each leaves it up and working. */
export function ownPostgres(): () => PostgresServer {
  let server: PostgresServer | undefined;
  let folder = "";
  beforeAll(async () => {
    if (!canOwnPostgres) return;
    folder = makeFolder();
    server = await startPostgres(folder);
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    if (server === undefined) throw new Error("This test needs a PostgreSQL of its own; skip it where there is none.");
    return server;
  };
}

/** The address of another database of the same server, or of another user. */
export function urlOf(server: PostgresServer, { database = "postgres", user = "postgres" }): string {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  url.username = user;
  return url.href;
}

/** A server on the database at `url`; its data folder, and the server if it starts, are gone when the test is over. */
export async function serverOn(url: string, parts: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const folder = await testDatabase("");
  onTestFinished(() => folder.remove());
  const env = { ...parts.env, DATABASE_URL: url };
  const server = await startTestServer({
    model: callingModel(),
    tools: [readTool("look", () => "seen")],
    ...parts,
    database: { ...folder, env },
  });
  onTestFinished(() => server.remove());
  return server;
}

/** Runs statements one after the other, as the superuser, in a database of a server. */
export async function administer(
  server: PostgresServer,
  statements: readonly string[],
  database?: string,
): Promise<void> {
  const client = new pg.Client({
    connectionString: urlOf(server, { ...(database === undefined ? {} : { database }) }),
  });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The processes of a server that serve a database, and of those the ones whose connections have that name. */
export async function backendsOf(server: PostgresServer, database: string, name?: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const query = "select pid from pg_stat_activity where datname = $1 and ($2::text is null or application_name = $2)";
  const { rows } = await client.query(query, [database, name]);
  await client.end();
  return rows.map(({ pid }) => pid);
}

/** Lets processes say nothing any more, without ending a connection, until the test is over. */
export function silence(pids: readonly number[]): void {
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  onTestFinished(() => {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  });
}

/** Ends every connection to a server but the one that does it. */
export const cutConnections =
  "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'";
