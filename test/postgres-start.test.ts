import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { paygent } from "./support/command-line.ts";
import { testDatabase } from "./support/database.ts";
import { administer, canOwnPostgres, ownPostgres, serverOn, urlOf } from "./support/own-postgres.ts";
import { execute, startTestServer } from "./support/test-server.ts";

vi.setConfig({ testTimeout: 60_000 });

const own = ownPostgres();

test.skipIf(!canOwnPostgres)("a PostgreSQL server that comes up while a start waits for it is used", async () => {
  const postgres = own();
  await postgres.down();
  const waiting = Promise.withResolvers<string>();
  const logger = pino({ level: "warn" }, { write: (line) => waiting.resolve(JSON.parse(line).msg) });

  const starting = serverOn(postgres.url, { logger });
  expect(await waiting.promise).toBe("the PostgreSQL server cannot be reached (ECONNREFUSED); trying for 30 seconds");
  await postgres.up();

  const server = await starting;
  const { id } = await server.createSession();
  const client = await server.connect(id);
  expect(await client.end(execute(client, "look {}"))).toMatchObject({ type: "complete", data: { success: true } });
});

test.each([
  [
    "PostgreSQL",
    { DATABASE_URL: "postgres://postgres@127.0.0.1:9/none" },
    "The PostgreSQL server at DATABASE_URL cannot be used (ECONNREFUSED, tried for 1 s).",
  ],
])("%s that stays away ends the start with a sentence and an exit code", async (_name, env, sentence) => {
  const folder = await testDatabase("");
  onTestFinished(() => folder.remove());
  const from = performance.now();

  const { code, err } = await paygent(["start"], {
    ...env,
    PORT: "0",
    PAYGENT_DATA_DIR: folder.dataDir,
    PAYGENT_START_TIMEOUT_S: "1",
  });

  expect(code).toBe(1);
  expect(err).toContain(sentence);
  expect(performance.now() - from).toBeGreaterThan(1000);
});

test("a wrong PAYGENT_START_TIMEOUT_S is named", async () => {
  await expect(startTestServer({ env: { PAYGENT_START_TIMEOUT_S: "soon" } })).rejects.toThrow(
    "PAYGENT_START_TIMEOUT_S must be a number of seconds from 0 to 3600",
  );
});

test.skipIf(!canOwnPostgres)("a PostgreSQL server that is too old is named with its version", async () => {
  const postgres = own();
  // What the server says of itself is asked for by a function, which this database finds elsewhere first.
  await administer(postgres, ["create database old", "alter database old set search_path = aged, pg_catalog, public"]);
  await administer(
    postgres,
    [
      "create schema aged",
      `create function aged.current_setting(text) returns text language sql as $$
         select case $1 when 'server_version_num' then '90624' when 'server_version' then '9.6.24'
                else pg_catalog.current_setting($1) end $$`,
    ],
    "old",
  );

  await expect(serverOn(urlOf(postgres, { database: "old" }))).rejects.toThrow(
    "The PostgreSQL server at DATABASE_URL is version 9.6.24; Paygent needs 14 or newer.",
  );
});

test.skipIf(!canOwnPostgres)("a standby is refused, and the primary asked for", async () => {
  const postgres = own();
  const signal = join(postgres.data, "standby.signal");
  await postgres.down();
  writeFileSync(signal, "");
  await postgres.up();
  onTestFinished(async () => {
    await postgres.down();
    rmSync(signal);
    await postgres.up();
  });

  await expect(serverOn(postgres.url)).rejects.toThrow(
    "is a standby, which can only be read. Set DATABASE_URL to the primary.",
  );
});

test.skipIf(!canOwnPostgres)(
  "a database that can only be read is refused, before and after its tables were made",
  async () => {
    const postgres = own();
    await administer(postgres, ["create database empty", "create database stale"]);
    const used = await serverOn(urlOf(postgres, { database: "stale" }));
    await used.close();
    await administer(postgres, [
      "alter database empty set default_transaction_read_only = on",
      "alter database stale set default_transaction_read_only = on",
    ]);

    for (const database of ["empty", "stale"])
      await expect(serverOn(urlOf(postgres, { database }))).rejects.toThrow(
        "can only be read: default_transaction_read_only is on.",
      );
  },
);

test.skipIf(!canOwnPostgres)(
  "a user who may not make tables, or not use those there are, is told what is missing",
  async () => {
    const postgres = own();
    await administer(postgres, ["create role guest login", "create database fresh", "create database used"]);
    const used = await serverOn(urlOf(postgres, { database: "used" }));
    await used.close();

    await expect(serverOn(urlOf(postgres, { database: "fresh", user: "guest" }))).rejects.toThrow(
      "The user of DATABASE_URL may not make and change Paygent's tables there (permission denied for schema public).",
    );
    await expect(serverOn(urlOf(postgres, { database: "used", user: "guest" }))).rejects.toThrow(
      "Let this user own the database, or grant it all on schema public and on the tables in it.",
    );
  },
);

test.skipIf(!canOwnPostgres)("a database that does not store Unicode is refused", async () => {
  const postgres = own();
  await administer(postgres, ["create database latin encoding 'LATIN1' locale 'C' template template0"]);

  await expect(serverOn(urlOf(postgres, { database: "latin" }))).rejects.toThrow(
    "stores text as LATIN1. Create one with encoding UTF8",
  );
});
