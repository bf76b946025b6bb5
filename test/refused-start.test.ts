import { randomUUID } from "node:crypto";
import { openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { execute, startTestServer } from "./support/test-server.ts";

const isPostgres = process.env.DATABASE_URL !== undefined;

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase();
  return () => database.remove();
});

/** A store that a server has written to and closed. */
async function useDatabase(): Promise<void> {
  const server = await startTestServer({ database });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  for (let count = 0; count < 20; count++) await client.end(execute(client, "check balance"));
  await server.remove();
}

test.skipIf(isPostgres)("a file that is no database is refused, and left as it is", async () => {
  const file = join(database.dataDir, "paygent.db");
  writeFileSync(file, "These are notes. ".repeat(1000));

  await expect(startTestServer({ database })).rejects.toThrow(
    /paygent\.db is damaged .* Restore it from a backup, or move it away/,
  );

  expect(readFileSync(file, "utf8")).toContain("These are notes.");
});

test.skipIf(isPostgres)("a database with a damaged page is refused", async () => {
  await useDatabase();
  const file = join(database.dataDir, "paygent.db");
  const descriptor = openSync(file, "r+");
  for (let offset = 8192; offset < statSync(file).size; offset += 4096)
    writeSync(descriptor, Buffer.alloc(64, 0xa5), 0, 64, offset);

  await expect(startTestServer({ database })).rejects.toThrow("Restore it from a backup");
});

test.skipIf(isPostgres)("a lock that cannot be taken is not said to be another server's", async () => {
  const file = join(database.dataDir, "server.lock");
  writeFileSync(file, "These are notes. ".repeat(1000));

  await expect(startTestServer({ database })).rejects.toThrow(/server\.lock cannot be locked: file is not a database/);
});

test("a database that a newer version wrote is refused", async () => {
  await useDatabase();
  const statement = "insert into kysely_migration (name, timestamp) values ('9999_future', '2099-01-01T00:00:00.000Z')";
  if (isPostgres) {
    const client = new pg.Client({ connectionString: database.env.DATABASE_URL ?? "" });
    await client.connect();
    await client.query(statement);
    await client.end();
  } else {
    const sqlite = new DatabaseSync(join(database.dataDir, "paygent.db"));
    sqlite.exec(statement);
    sqlite.close();
  }

  await expect(startTestServer({ database })).rejects.toThrow(
    /was written by a newer version of Paygent\. Start that version/,
  );
});

test.skipIf(isPostgres)("a second server on the same data folder is refused, and the first goes on", async () => {
  const first = await startTestServer({ database });
  onTestFinished(() => first.remove());

  await expect(startTestServer({ database })).rejects.toThrow(
    /Another Paygent server already uses the data folder .* PAYGENT_DATA_DIR/,
  );

  const { id } = await first.createSession();
  const client = await first.connect(id);
  expect(await client.end(execute(client, "check balance"))).toMatchObject({ type: "complete" });
});

test("a start that was refused leaves the folder to the next one", async () => {
  const env = { PORT: "0" };
  const taken = await startTestServer({ env });
  onTestFinished(() => taken.remove());
  await expect(
    startTestServer({
      database,
      env: { DATABASE_URL: "postgres://postgres@127.0.0.1:9/none", PAYGENT_START_TIMEOUT_S: "0" },
    }),
  ).rejects.toThrow();

  const server = await startTestServer({ database });

  expect(server.url).toContain("http://");
  await server.remove();
});

test("a PostgreSQL server that does not answer, and a database that is not there, are named", async () => {
  const start = (url: string) =>
    startTestServer({ database, env: { DATABASE_URL: url, PAYGENT_START_TIMEOUT_S: "0" } });
  await expect(start("postgres://postgres@127.0.0.1:9/none")).rejects.toThrow(
    "The PostgreSQL server at DATABASE_URL cannot be used (ECONNREFUSED). Start it, correct DATABASE_URL, or unset it to use SQLite.",
  );
  if (!isPostgres) return;
  const url = new URL(database.env.DATABASE_URL ?? "");
  url.pathname = `/none_${randomUUID()}`;
  await expect(start(url.href)).rejects.toThrow("cannot be used (3D000)");
});
