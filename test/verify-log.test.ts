import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callingModel } from "./support/scripted-model.ts";
import { tamper } from "./support/tamper.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

const program = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

let server: TestServer;
let ids: string[];

beforeAll(async () => {
  server = await startTestServer({
    model: callingModel(),
    tools: [readTool("look", ({ text }) => text ?? "seen\u2028\n")],
  });
  ids = [];
  for (let count = 0; count < 3; count++) ids.push(await sessionWithEvents());
});

afterAll(() => server.remove());

async function sessionWithEvents(): Promise<string> {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  for (let count = 0; count < 5; count++) await client.end(execute(client, "look {} && look {}"));
  await client.close();
  return id;
}

/** Runs `paygent verify` in a process of its own, beside the server. */
function verify(
  ...args: string[]
): Promise<{ code: number; lines: { problem?: string; brokenAt?: number }[]; err: string }> {
  const env = { PATH: process.env.PATH, PAYGENT_DATA_DIR: server.database.dataDir, ...server.database.env };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, "verify", "--json", ...args], { env }, (_error, out, err) =>
      resolve({
        code: child.exitCode ?? -1,
        lines: out
          .trim()
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
        err,
      }),
    );
  });
}

/** A session's whole log as a file, one entry a line. */
async function exportLog(id: string): Promise<{ lines: string[]; write: (lines: readonly string[]) => string }> {
  const lines: string[] = [];
  for (let cursor = "0"; cursor !== null; ) {
    const { body } = await server.http("GET", `/logs?session_id=${id}&limit=7&cursor=${cursor}`);
    lines.push(...body.data.map((entry: unknown) => JSON.stringify(entry)));
    cursor = body.next_cursor;
  }
  const path = join(server.database.dataDir, `${id}.jsonl`);
  return {
    lines,
    write: (changed) => {
      writeFileSync(path, changed.map((line) => `${line}\n`).join(""));
      return path;
    },
  };
}

test("all sessions are verified while the server runs, and new events do not disturb that", async () => {
  const client = await server.connect(ids[0] ?? "");
  const execution = execute(client, Array(50).fill("look {}").join(" && "));

  const { code, lines } = await verify();
  await client.end(execution);

  expect(code).toBe(0);
  expect(lines).toHaveLength(ids.length);
  expect(lines).toEqual(ids.map(() => expect.objectContaining({ isIntact: true })));
});

test.each([
  [
    "an edited event",
    (id: string) =>
      `update events set data = replace(data, 'seen', 'sold') where session_id = '${id}' and type = 'tool_result'`,
    /altered/,
  ],
  [
    "an edited time",
    (id: string) => `update events set at = '2026-01-01T00:00:00.000Z' where session_id = '${id}' and seq = 9`,
    /Event 9 .*altered/,
  ],
  [
    "an event that tells of nothing any more",
    (id: string) => `update events set data = '{}' where session_id = '${id}' and seq = 9`,
    /Event 9 .*altered/,
  ],
  [
    "an event that is no JSON any more",
    (id: string) => `update events set data = '{' where session_id = '${id}' and seq = 9`,
    /Event 9 .*altered/,
  ],
  [
    "an edited hash",
    (id: string) => `update events set hash = 'ff' where session_id = '${id}' and seq = 4`,
    /Event 4 .*altered/,
  ],
  [
    "a removed event",
    (id: string) => `delete from events where session_id = '${id}' and seq = 6`,
    /Event 6 was removed/,
  ],
  [
    "a cut end",
    (id: string) => `delete from events where session_id = '${id}' and seq > 20`,
    /truncated: events 21 to/,
  ],
  [
    "an event given to another execution",
    (id: string) => `update events set execution_id = 'another' where session_id = '${id}' and seq = 3`,
    /Event 3 was moved/,
  ],
  [
    "a head put back with the end cut",
    (id: string) =>
      `delete from events where session_id = '${id}' and seq > 20; update sessions set last_seq = 20 where id = '${id}'`,
    /another than event 20/,
  ],
  [
    "events whose session is gone",
    (id: string) => `update events set session_id = 'nobody' where session_id = '${id}'`,
    /truncated|row was removed|altered/,
  ],
])("%s in the store is found and named", async (_name, sql, problem) => {
  const id = await sessionWithEvents();
  await tamper(server.database, sql(id));

  const { code, lines } = await verify(id);

  expect(code).toBe(1);
  expect(lines).toMatchObject([{ isIntact: false, problem: expect.stringMatching(problem) }]);
});

test("a checkpoint noted earlier still fits a log that has grown", async () => {
  const [, id = ""] = ids;
  const { lines } = await exportLog(id);
  const { seq, hash } = JSON.parse(lines[9] ?? "");

  expect(await verify(id, "--checkpoint", `${seq}:${hash}`)).toMatchObject({ code: 0 });
  expect(await verify(id, "--checkpoint", `${seq}:${"0".repeat(64)}`)).toMatchObject({
    code: 1,
    lines: [{ brokenAt: 10 }],
  });
});

test("an exported log is verified without the store, and whatever was done to the file is found", async () => {
  const [, , id = ""] = ids;
  const { lines, write } = await exportLog(id);
  const { seq, hash } = JSON.parse(lines.at(-1) ?? "");
  const checkpoint = ["--checkpoint", `${seq}:${hash}`];
  const [fourth = "", fifth = ""] = lines.slice(3);

  const whole = await verify("--file", write(lines), ...checkpoint);
  const found = [];
  for (const changed of [
    lines.with(3, fourth.replace(`"seq":4`, `"seq": 4`)),
    lines.with(3, fourth.slice(0, -40)),
    lines.toSpliced(3, 1),
    lines.toSpliced(3, 0, fourth),
    lines.with(3, fifth).with(4, fourth),
    lines.slice(1),
    lines.slice(0, -1),
  ]) {
    const { code, lines: verifications } = await verify("--file", write(changed), ...checkpoint);
    found.push([code, verifications[0]?.brokenAt]);
  }

  expect(whole).toMatchObject({ code: 0, lines: [{ sessionId: id, events: seq, headHash: hash }] });
  expect(found).toEqual([
    [1, 4],
    [1, 4],
    [1, 4],
    [1, 5],
    [1, 4],
    [1, 1],
    [1, seq],
  ]);
});

test("a session, a store and a file that are not there are told apart from broken ones", async () => {
  expect(await verify("no-such-session")).toMatchObject({
    code: 1,
    lines: [],
    err: expect.stringContaining("There is no session"),
  });
  expect((await verify("--file", join(server.database.dataDir, "access-log"))).err).toContain("ENOENT");
});
