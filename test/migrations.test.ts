import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { Kysely, SqliteDialect } from "kysely";
import pg from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { migrateSqlite } from "../src/store/migrate.ts";
import { migrations } from "../src/store/migrations.ts";
import { nodeSqlite } from "../src/store/node-sqlite.ts";
import type { Tables } from "../src/store/tables.ts";
import { ask } from "./support/ask.ts";
import { paygent } from "./support/command-line.ts";
import { testDatabase } from "./support/database.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";
import { isShared } from "./support/two-nodes.ts";

// Each starts processes of the command line.
vi.setConfig({ testTimeout: 60_000 });

const program = fileURLToPath(new URL("./support/migrating-process.ts", import.meta.url));

async function running(): Promise<TestServer> {
  const server = await startTestServer({ model: callingModel(), tools: [readTool("look", () => "seen")] });
  onTestFinished(() => server.remove());
  return server;
}

/** The next version as it starts beside the others, and how it ended. */
function nextVersion({ database }: TestServer): Promise<number | null> {
  const env = { PATH: process.env.PATH, ...database.env };
  const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "ignore", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return once(child, "exit").then(([code]) => code);
}

/** A look at a table that goes on for as long as the test wants, as that of `paygent verify` at a long log. */
async function longReader({ database }: TestServer): Promise<pg.Client> {
  const reader = new pg.Client({ connectionString: database.env.DATABASE_URL ?? "" });
  await reader.connect();
  onTestFinished(() => reader.end());
  await reader.query("begin isolation level repeatable read");
  await reader.query("select count(*) from sessions");
  return reader;
}

/** Whether somebody waits for a lock; asked from outside, since a transaction sees the same all the time. */
async function isWaitedFor({ database }: TestServer): Promise<boolean> {
  const observer = new pg.Client({ connectionString: database.env.DATABASE_URL ?? "" });
  await observer.connect();
  const { rows } = await observer.query(
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  await observer.end();
  return rows.length > 0;
}

/** Every kind of thing that a server does for a client. */
async function serve(server: TestServer, sessionId: string): Promise<string[]> {
  const client = await server.connect(sessionId);
  const execution = execute(client, "look {}");
  const { data } = await client.first("approval_required", execution);
  await ask(client, "approve", { request_id: data.request_id });
  await client.end(execution);
  const types = client.events.map(({ type }) => type);
  await client.close();
  return types;
}

test.skipIf(!isShared)(
  "a server of the version before goes on serving while the next version migrates, and after",
  async () => {
    const server = await running();
    const { id } = await server.createSession({ tools: { look: "ask" } });
    await serve(server, id);

    const migrated = nextVersion(server);
    let isMigrating = true;
    void migrated.finally(() => {
      isMigrating = false;
    });
    let served = 0;
    while (isMigrating) {
      expect(await serve(server, id)).toContain("complete");
      served += 1;
    }

    expect(await migrated).toBe(0);
    expect(served).toBeGreaterThan(0);
    expect(await serve(server, id)).toContain("complete");
    expect((await server.createSession()).last_seq).toBe(0);
    const env = { PAYGENT_DATA_DIR: server.database.dataDir, ...server.database.env };
    expect((await paygent(["verify", id], env)).code).toBe(0);
  },
);

test.skipIf(!isShared)(
  "a migration that cannot have a table at once holds up nobody for long, and is done when it can",
  async () => {
    const server = await running();
    const { id } = await server.createSession({ tools: { look: "ask" } });
    const reader = await longReader(server);
    const migrated = nextVersion(server);
    await expect.poll(() => isWaitedFor(server), { timeout: 20_000, interval: 20 }).toBe(true);

    for (let count = 0; count < 5; count++) expect(await serve(server, id)).toContain("complete");
    await reader.query("commit");

    expect(await migrated).toBe(0);
    expect(await serve(server, id)).toContain("complete");
  },
);

test.skipIf(!isShared)("a server of the version before does not start on the tables of the next one", async () => {
  const server = await running();
  const { id } = await server.createSession({ tools: { look: "ask" } });
  expect(await nextVersion(server)).toBe(0);

  await expect(startTestServer({ database: server.database, world: fakeWorld() })).rejects.toThrow(
    "The database at DATABASE_URL was written by a newer version of Paygent. Start that version, or use another database.",
  );

  expect(await serve(server, id)).toContain("complete");
});

test.skipIf(!isShared)("servers that start at once on an empty database all come up and work together", async () => {
  const database = await testDatabase();
  const world = fakeWorld();
  const parts = { database, world, model: callingModel(), tools: [readTool("look", () => "seen")] };

  const servers = await Promise.all([1, 2, 3].map(() => startTestServer(parts)));
  onTestFinished(async () => {
    for (const server of servers) await server.remove();
    await database.remove();
  });

  const [first, second, third] = servers;
  if (first === undefined || second === undefined || third === undefined) throw new Error("There are three.");
  const { id } = await first.createSession();
  const watcher = await second.connect(id);
  const client = await third.connect(id);
  const execution = execute(client, "look {}");
  await Promise.all([watcher.end(execution), client.end(execution)]);
  expect(watcher.frames.slice(1)).toEqual(client.frames.slice(1));
});

test("on SQLite a migration that fails halfway leaves the tables as they were, and the next start does it whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "paygent-migrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const sqlite = new DatabaseSync(join(folder, "paygent.db"));
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(sqlite) }) });
  onTestFinished(() => db.destroy());
  let isBroken = true;
  const all = {
    ...migrations(),
    "9999_next_version": {
      async up(schema: Kysely<unknown>) {
        await schema.schema.createTable("of_next_version").addColumn("id", "text").execute();
        if (isBroken) throw new Error("The power fails.");
      },
    },
  };
  const tables = () =>
    sqlite.prepare("select name from sqlite_master where name in ('sessions', 'of_next_version')").all();

  await expect(migrateSqlite(db, "it", all)).rejects.toThrow("The power fails.");
  const between = tables();
  isBroken = false;
  await migrateSqlite(db, "it", all);

  expect(between).toEqual([]);
  expect(tables()).toHaveLength(2);
});
