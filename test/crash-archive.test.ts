import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { archiveSession, keptFrom } from "../src/runtime/retention.ts";
import { openArchive } from "../src/store/archive.ts";
import { openStoreBeside } from "../src/store/database.ts";
import { verifySessions } from "../src/store/verify.ts";
import { archivedLines, logLines, type OldServer, oldServerForTest } from "./support/old-events.ts";

const program = fileURLToPath(new URL("./support/faulty-archiver.ts", import.meta.url));

/** The steps that an archiver came through, and whether it came to its end. */
function archiveKilledAt(server: OldServer, sessionId: string, killAt: number) {
  const env = { PATH: process.env.PATH, PAYGENT_DATA_DIR: server.database.dataDir, ...server.database.env };
  return new Promise<{ steps: string[]; wasKilled: boolean }>((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [program, sessionId, server.archive, `${killAt}`],
      { env },
      (_error, out, err) => {
        const wasKilled = child.signalCode === "SIGKILL";
        if (!wasKilled && child.exitCode !== 0) reject(new Error(err));
        resolve({ steps: out.split("\n").filter(Boolean), wasKilled });
      },
    );
  });
}

/** The store of the server, and a later archiver: one for which the claim of the one that died has lapsed. */
async function laterArchiver(server: OldServer) {
  const url = server.database.env.DATABASE_URL;
  const store = await openStoreBeside(url === undefined ? { dataDir: server.database.dataDir } : { url });
  onTestFinished(() => store.close());
  return openArchive({ store, path: server.archive, by: "another", now: () => Date.now() + 120_000 });
}

test("an archiver that is killed anywhere loses nothing and doubles nothing, and another one comes to the same end", {
  timeout: 120_000,
}, async () => {
  const server = await oldServerForTest();
  const sessions: string[] = [];
  for (let count = 0; count < 40; count++) sessions.push(await server.oldSession(1));
  server.comeBack();
  const archiver = await laterArchiver(server);
  const before = keptFrom(Date.now(), 30);
  const look = async (id: string) => {
    const found = [];
    for await (const one of verifySessions(archiver.store.db, id, { archive: server.archive })) found.push(one);
    return found;
  };
  let kills = 0;

  for (const [index, id] of sessions.entries()) {
    const lines = await logLines(server, id);
    const { wasKilled } = await archiveKilledAt(server, id, index + 1);
    if (!wasKilled) break;
    kills += 1;
    const kept = await logLines(server, id);
    const archived = await archivedLines(server.archive, id);
    const intact = { isIntact: true, events: lines.length, lastSeq: lines.length };

    expect(new Set([...archived, ...kept])).toEqual(new Set(lines));
    expect(await look(id)).toEqual([expect.objectContaining(intact)]);

    for await (const { outcome } of archiveSession(archiver, id, before)) expect(outcome).not.toBe("taken");
    expect(await logLines(server, id)).toEqual([]);
    expect(await archivedLines(server.archive, id)).toEqual(lines);
    expect(readdirSync(join(server.archive, id))).toHaveLength(1);
    expect(await look(id)).toEqual([expect.objectContaining(intact)]);
  }

  expect(kills).toBeGreaterThan(10);
  expect(kills).toBeLessThan(sessions.length - 1);
});

test("events leave the database only when their file, its name and its folder's name are on disk", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession(1);
  server.comeBack();
  await laterArchiver(server);

  const { steps } = await archiveKilledAt(server, id, 0);

  expect(steps).toEqual([
    // The archive was begun before.
    "commit",
    "commit",
    // A claim.
    "commit",
    "make folder",
    "open file",
    "write half",
    "write the rest",
    "sync file",
    "rename",
    "sync folder",
    "sync archive",
    // The events are gone, and where the log begins has moved.
    "commit",
    "archived",
    // There is no more.
    "commit",
    "nothing",
  ]);
});
