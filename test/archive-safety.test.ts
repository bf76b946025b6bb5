import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { archiveDue, keptFrom } from "../src/runtime/retention.ts";
import { type Archiver, openArchive } from "../src/store/archive.ts";
import { claimBatch } from "../src/store/archives.ts";
import { openStoreBeside, type Store } from "../src/store/database.ts";
import { testDatabase } from "./support/database.ts";
import { archivedLines, logLines, type OldServer, oldServerForTest } from "./support/old-events.ts";
import { RawSocket } from "./support/raw-socket.ts";
import { execute, startTestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

// Each starts processes of the command line.
vi.setConfig({ testTimeout: 60_000 });

const isPostgres = (process.env.DATABASE_URL ?? "") !== "";
const before = () => keptFrom(Date.now(), 30);

async function storeOf({ database }: OldServer): Promise<Store> {
  const url = database.env.DATABASE_URL;
  const store = await openStoreBeside(url === undefined ? { dataDir: database.dataDir } : { url });
  onTestFinished(() => store.close());
  return store;
}

async function archiverOf(server: OldServer, by: string): Promise<Archiver> {
  return openArchive({ store: await storeOf(server), path: server.archive, by, now: Date.now });
}

test("several archivers of one database share the sessions, and each event goes into one file", async () => {
  const server = await oldServerForTest();
  const sessions = new Map<string, string[]>();
  for (let count = 0; count < 12; count++) {
    const id = await server.oldSession(1);
    sessions.set(id, await logLines(server, id));
  }
  server.comeBack();
  const archivers = await Promise.all(["one", "two", "three"].map((by) => archiverOf(server, by)));

  const done = await Promise.all(
    archivers.map(async (archiver) => {
      const own = [];
      for await (const step of archiveDue(archiver, before(), new AbortController().signal)) {
        if (step.outcome === "archived") own.push(step.sessionId);
      }
      return own;
    }),
  );

  expect(done.flat().sort()).toEqual([...sessions.keys()].sort());
  for (const [id, lines] of sessions) expect(await archivedLines(server.archive, id)).toEqual(lines);
});

test("a session is one archiver's until its claim lapses, and the next one goes on with the same events", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession(1);
  const store = await storeOf(server);
  const claim = (by: string, lastSeq: number, at: string) =>
    store.write((tx) => claimBatch(tx, { sessionId: id, firstSeq: 1, lastSeq, by, at, until: "2026-01-02" }));

  const first = await claim("one", 4, "2026-01-01");
  const meanwhile = await claim("two", 8, "2026-01-01");
  const later = await claim("two", 8, "2026-01-03");

  expect(first).toMatchObject({ firstSeq: 1, lastSeq: 4 });
  expect(meanwhile).toBeUndefined();
  expect(later).toEqual(first);
});

test("a folder that is not the database's archive is refused in a sentence, and nothing is moved", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession(1);
  server.comeBack();
  await server.archiveEvents();
  const second = await server.oldSession(1);
  const elsewhere = join(server.database.dataDir, "elsewhere");

  const other = await server.paygent("archive", "--days", "30", "--archive", elsewhere);
  rmSync(join(server.archive, "archive-id"));
  const unmounted = await server.paygent("archive", "--days", "30");
  writeFileSync(join(server.archive, "archive-id"), "another\n");
  const foreign = await server.paygent("archive", "--days", "30");

  expect(other).toMatchObject({ code: 1, err: expect.stringContaining("has none of this database's archived events") });
  expect(unmounted).toMatchObject({ code: 1, err: expect.stringContaining("PAYGENT_ARCHIVE_DIR") });
  expect(foreign).toMatchObject({ code: 1, err: expect.stringContaining("the archive of another database") });
  expect(await logLines(server, second)).not.toEqual([]);
  expect(readdirSync(server.archive)).toContain(id);
});

test("a server whose archive folder is another database's does not start", async () => {
  const server = await oldServerForTest();
  await server.oldSession(1);
  server.comeBack();
  await server.archiveEvents();
  const database = await testDatabase();
  onTestFinished(() => database.remove());
  const env = { PAYGENT_RETENTION_DAYS: "30", PAYGENT_ARCHIVE_DIR: server.archive };

  await expect(startTestServer({ database, env })).rejects.toThrow("holds the archive of another database");
});

test.each([
  ["0", "a whole number of days"],
  ["soon", "a whole number of days"],
  ["1.5", "a whole number of days"],
])("PAYGENT_RETENTION_DAYS cannot be %s", async (days, sentence) => {
  await expect(startTestServer({ env: { PAYGENT_RETENTION_DAYS: days } })).rejects.toThrow(sentence);
});

test("a log that was tampered with is not archived, and holds up no other", async () => {
  const server = await oldServerForTest();
  const [broken, whole] = [await server.oldSession(1), await server.oldSession(1)];
  const store = await storeOf(server);
  await store.write((tx) =>
    tx.updateTable("events").set({ data: "{}" }).where("session_id", "=", broken).where("seq", "=", 3).execute(),
  );
  server.comeBack();

  const { code, out } = await server.paygent("archive", "--days", "30");

  expect(code).toBe(1);
  expect(out).toContain(`Event 3 of session ${broken} does not fit its hash, so nothing of its log is archived.`);
  expect(await archivedLines(server.archive, broken)).toEqual([]);
  const { body } = await server.http("GET", `/logs/${broken}/summary`);
  expect(body.events).toMatchObject({ complete: 1 });
  expect(await archivedLines(server.archive, whole)).toHaveLength(8);
});

test("a file that is there and says something else is neither changed nor relied on", async () => {
  const server = await oldServerForTest();
  const [one, other] = [await server.oldSession(1), await server.oldSession(1)];
  const archiver = await archiverOf(server, "one");
  const lines = async function* () {
    yield "not these\n";
  };
  const same = await archiver.folder.write(one, { firstSeq: 1, lastSeq: 8 }, lines());
  const overlapping = await archiver.folder.write(other, { firstSeq: 1, lastSeq: 5 }, lines());
  server.comeBack();

  const { code, out } = await server.paygent("archive", "--days", "30");

  expect(code).toBe(1);
  expect(out).toContain("holds something else than the database has of these events");
  expect(out).toContain("already holds events from 1 on");
  for (const path of [same, overlapping]) expect(readFileSync(path, "utf8")).toBe("not these\n");
  for (const id of [one, other]) expect(await logLines(server, id)).toHaveLength(8);
});

test("files and folders of the archive are for their owner only", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession(1);
  server.comeBack();

  const [{ path }] = await server.archiveEvents();

  for (const place of [path, join(server.archive, id), server.archive]) expect(statSync(place).mode & 0o077).toBe(0);
});

test("a client that reads while events go is told, and sees no gap that it was not told of", async () => {
  const big = "x".repeat(60_000);
  const server = await oldServerForTest({ tools: [readTool("look", () => big)] });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  for (let count = 0; count < 6; count++) await client.end(execute(client, Array(40).fill("look {}").join(" && ")));
  await client.close();
  server.comeBack();
  const slow = await RawSocket.open(server, id, { query: "&last_seq=0" });
  slow.socket.pause();

  await server.archiveEvents();
  const fresh = await server.connect(id);
  await fresh.end(execute(fresh, "look {}"));
  slow.socket.resume();
  const last = fresh.events.at(-1)?.seq;
  await slow.frame(({ payload }) => payload.includes(`"seq":${last}`));

  let next = 1;
  for (const { payload } of slow.frames) {
    const { type, seq, data } = JSON.parse(payload.toString());
    if (type === "resync") next = data.first_seq;
    if (seq === undefined) continue;
    expect(seq).toBe(next);
    next += 1;
  }
  expect(next).toBe((last ?? 0) + 1);
  expect(slow.frames.some(({ payload }) => payload.includes('"resync"'))).toBe(true);
  slow.destroy();
});

test.skipIf(isPostgres)("a database file becomes smaller when most of it was archived", async () => {
  const big = "x".repeat(60_000);
  const server = await oldServerForTest({ tools: [readTool("look", () => big)] });
  for (let session = 0; session < 4; session++) {
    const { id } = await server.createSession();
    const client = await server.connect(id);
    for (let count = 0; count < 3; count++) await client.end(execute(client, Array(40).fill("look {}").join(" && ")));
    await client.close();
  }
  server.comeBack();
  const file = join(server.database.dataDir, "paygent.db");
  const size = () => {
    const sqlite = new DatabaseSync(file, { timeout: 5000 });
    sqlite.exec("pragma wal_checkpoint(truncate)");
    sqlite.close();
    return statSync(file).size;
  };
  const full = size();

  await server.archiveEvents();

  expect(full).toBeGreaterThan(20_000_000);
  expect(size()).toBeLessThan(full / 4);
});
