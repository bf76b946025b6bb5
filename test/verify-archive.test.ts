import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { segmentsIn } from "../src/store/archive-folder.ts";
import { archiveHere, jsonLines, logLines, type OldServer, serverOfOld } from "./support/old-events.ts";
import { execute } from "./support/test-server.ts";

// Each starts processes of the command line.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: OldServer;
let id: string;
/** All that the session ever told, and how much of that is archived, in how many files. */
let lines: string[];
const archived = 3 * 24;

beforeAll(async () => {
  server = await serverOfOld();
  id = await server.oldSession();
  const other = await server.oldSession(1);
  lines = await logLines(server, id);
  for (let round = 0; round < 2; round++) {
    for (const sessionId of [id, other]) await archiveHere(server, sessionId);
    const client = await server.connect(id);
    for (let count = 0; count < 3; count++) await client.end(execute(client, "look {} && look {}"));
    await client.close();
    lines.push(...(await logLines(server, id)));
  }
  for (const sessionId of [id, other]) await archiveHere(server, sessionId);
  server.comeBack();
  for (const sessionId of [id, other]) {
    const client = await server.connect(sessionId);
    await client.end(execute(client, "look {}"));
    await client.close();
  }
  lines.push(...(await logLines(server, id)));
});

afterAll(() => server.remove());

const verify = async (...args: string[]) => {
  const end = await server.paygent("verify", "--json", ...args);
  return { code: end.code, found: jsonLines(end), err: end.err };
};

/** A copy of the archive that a test may spoil. */
function copyOfArchive(): { archive: string; folder: string } {
  const archive = join(server.database.dataDir, `archive-${Math.random()}`);
  cpSync(server.archive, archive, { recursive: true });
  onTestFinished(() => rmSync(archive, { recursive: true }));
  return { archive, folder: join(archive, id) };
}

async function fileOf(folder: string, index: number): Promise<string> {
  return (await segmentsIn(folder))[index]?.path ?? "";
}

function edit(path: string, change: (lines: string[]) => string[]): void {
  const before = readFileSync(path, "utf8").split("\n").slice(0, -1);
  writeFileSync(
    path,
    change(before)
      .map((line) => `${line}\n`)
      .join(""),
  );
}

test("files and database are one log, from its first event to its last", async () => {
  const { code, found } = await verify();

  expect(code).toBe(0);
  expect(found).toHaveLength(2);
  expect(found.find(({ sessionId }) => sessionId === id)).toMatchObject({
    events: lines.length,
    lastSeq: lines.length,
  });
  expect(await segmentsIn(join(server.archive, id))).toMatchObject([
    { firstSeq: 1, lastSeq: 24 },
    { firstSeq: 25, lastSeq: 48 },
    { firstSeq: 49, lastSeq: 72 },
  ]);
});

test("the program that the documents show follows files and server as one log", async () => {
  const page = readFileSync(new URL("../docs/operations.md", import.meta.url), "utf8");
  const [, program = ""] = /^```js\n(.*?)^```$/ms.exec(page) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "paygent-example-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  symlinkSync(server.database.dataDir, join(folder, "data"));
  writeFileSync(join(server.database.dataDir, "access-token"), await server.token());
  writeFileSync(join(folder, "verify.mjs"), program.replace("127.0.0.1:8000", `127.0.0.1:${server.port}`));

  const { stdout } = await promisify(execFile)(process.execPath, ["verify.mjs", id], { cwd: folder });

  expect(stdout).toBe(`${lines.length} events, ${JSON.parse(lines.at(-1) ?? "").hash}\n`);
});

test("files alone are checked offline, one session or all, also where they were copied to", async () => {
  const copy = copyOfArchive();
  const moved = join(copy.archive, "as-evidence");
  renameSync(copy.folder, moved);
  const whole = { sessionId: id, isIntact: true, events: archived, lastSeq: archived };

  expect(await verify("--file", moved)).toMatchObject({ code: 0, found: [whole] });
  const all = await verify("--file", server.archive);
  expect(all).toMatchObject({ code: 0 });
  expect(all.found).toHaveLength(2);
  expect((await verify("--file", await fileOf(moved, 0))).found).toMatchObject([{ events: 24, isIntact: true }]);
  expect((await verify("--file", await fileOf(moved, 1))).found).toMatchObject([{ brokenAt: 1 }]);
});

test.each<[string, (folder: string) => Promise<void>, number, RegExp]>([
  [
    "an edited event",
    async (folder) => edit(await fileOf(folder, 1), (all) => all.with(4, (all[4] ?? "").replace("T", "t"))),
    29,
    /Event 29 .*altered/,
  ],
  [
    "a removed event",
    async (folder) => edit(await fileOf(folder, 0), (all) => all.toSpliced(4, 1)),
    5,
    /Event 5 was removed/,
  ],
  [
    "a file that was cut",
    async (folder) => edit(await fileOf(folder, 1), (all) => all.slice(0, 20)),
    45,
    /cut: events 45 to 48/,
  ],
  ["a line that was cut", async (folder) => edit(await fileOf(folder, 0), (all) => all.with(0, "{")), 1, /altered/],
  ["a missing file", async (folder) => rmSync(await fileOf(folder, 1)), 25, /Events 25 to 48 are missing: no file/],
  ["a missing first file", async (folder) => rmSync(await fileOf(folder, 0)), 1, /Events 1 to 24 are missing: no file/],
])("%s of the archive is found and named, with and without the database", async (_name, spoil, brokenAt, problem) => {
  const { archive, folder } = copyOfArchive();
  await spoil(folder);

  const broken = { isIntact: false, brokenAt, problem: expect.stringMatching(problem) };
  expect(await verify(id, "--archive", archive)).toMatchObject({ code: 1, found: [broken] });
  expect(await verify("--file", folder)).toMatchObject({ code: 1, found: [broken] });
});

test("a missing end and a missing archive are found with the database, and with a checkpoint without it", async () => {
  const { archive, folder } = copyOfArchive();
  rmSync(await fileOf(folder, 2));
  const { seq, hash } = JSON.parse(lines[archived - 1] ?? "");
  const problem = expect.stringContaining(`Events 49 to ${archived} are missing`);

  expect((await verify(id, "--archive", archive)).found).toMatchObject([{ brokenAt: 49, problem }]);
  expect((await verify("--file", folder)).found).toMatchObject([{ isIntact: true, lastSeq: 48 }]);
  expect((await verify("--file", folder, "--checkpoint", `${seq}:${hash}`)).found).toMatchObject([
    { brokenAt: 49, problem: expect.stringContaining("truncated") },
  ]);
  const nowhere = await verify(id, "--archive", join(archive, "nowhere"));
  expect(nowhere.found).toMatchObject([{ brokenAt: 1, problem: expect.stringContaining("Is it the right folder?") }]);
});

test("the database is checked alone where the archive is elsewhere, on the hash of the last archived event", async () => {
  const kept = { events: lines.length - archived, lastSeq: lines.length };
  expect(await verify(id, "--no-archive")).toMatchObject({ code: 0, found: [kept] });

  await tamper(`update archives set last_hash = '${"0".repeat(64)}' where session_id = '${id}'`);
  const { found } = await verify(id, "--no-archive");
  await tamper(
    `update archives set last_hash = '${JSON.parse(lines[archived - 1] ?? "").hash}' where session_id = '${id}'`,
  );

  expect(found).toMatchObject([{ brokenAt: archived + 1 }]);
});

test("a checkpoint that was noted before its event was archived still fits", async () => {
  const { seq, hash } = JSON.parse(lines[9] ?? "");

  expect(await verify(id, "--checkpoint", `${seq}:${hash}`)).toMatchObject({ code: 0 });
  expect(await verify(id, "--checkpoint", `${seq}:${"0".repeat(64)}`)).toMatchObject({
    code: 1,
    found: [{ brokenAt: 10 }],
  });
});

test("checkpoints of all sessions show a log that was cut, and a session that is gone", async () => {
  const noted = join(server.database.dataDir, "noted.jsonl");
  const { out } = await server.paygent("verify", "--json");
  const lost = {
    sessionId: "f3b3f4a8-6f4a-4f43-9f3b-0d2f6a6f2f11",
    isIntact: true,
    lastSeq: 3,
    headHash: "0".repeat(64),
  };
  writeFileSync(noted, out);
  expect(await verify("--checkpoints", noted)).toMatchObject({ code: 0 });

  writeFileSync(noted, `${out}${JSON.stringify(lost)}\n`);
  const { code, found } = await verify("--checkpoints", noted);
  writeFileSync(noted, out.replaceAll(`"lastSeq":${lines.length}`, `"lastSeq":${lines.length + 2}`));
  const longer = await verify("--checkpoints", noted);

  expect(code).toBe(1);
  expect(found.filter(({ isIntact }) => !isIntact)).toMatchObject([
    { sessionId: lost.sessionId, problem: expect.stringContaining("gone") },
  ]);
  expect(longer.found.filter(({ isIntact }) => !isIntact)).toMatchObject([
    { sessionId: id, problem: expect.stringContaining("truncated") },
  ]);
});

test("an archive of a session that the database does not know is found", async () => {
  const { archive } = copyOfArchive();
  const gone = "f3b3f4a8-6f4a-4f43-9f3b-0d2f6a6f2f11";
  mkdirSync(join(archive, gone));

  const { code, found } = await verify("--archive", archive);

  expect(code).toBe(1);
  expect(found.at(-1)).toMatchObject({ sessionId: gone, problem: expect.stringContaining("was removed") });
});

test("an event that is in a file and another one in the database is found", async () => {
  const { archive, folder } = copyOfArchive();
  const next = lines.slice(archived);
  const forged = next.with(2, (next[2] ?? "").replace(/"hash":"./, '"hash":"_').replace('"hash":"_', '"hash":"0'));
  const name = `${String(archived + 1).padStart(12, "0")}-${String(lines.length).padStart(12, "0")}.jsonl`;
  const write = (all: readonly string[]) => writeFileSync(join(folder, name), all.map((line) => `${line}\n`).join(""));

  write(next);
  const same = await verify(id, "--archive", archive);
  write(forged.map((line, index) => (index === 2 ? line.replace(/"hash":"(..)/, '"hash":"ee') : line)));
  const other = await verify(id, "--archive", archive);

  expect(same).toMatchObject({ code: 0, found: [{ events: lines.length }] });
  expect(other).toMatchObject({ code: 1, found: [{ brokenAt: archived + 3 }] });
});

async function tamper(sql: string): Promise<void> {
  const connectionString = server.database.env.DATABASE_URL;
  if (connectionString === undefined) {
    const sqlite = new DatabaseSync(join(server.database.dataDir, "paygent.db"), { timeout: 5000 });
    sqlite.exec(sql);
    return sqlite.close();
  }
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql);
  await client.end();
}
