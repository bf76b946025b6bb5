import { expect, test, vi } from "vitest";
import { ask } from "./support/ask.ts";
import { fakeWorld } from "./support/fake-world.ts";
import {
  archivedLines,
  archiveHere,
  archiveSteps,
  dayMs,
  jsonLines,
  logLines,
  type OldServer,
  oldServerForTest,
} from "./support/old-events.ts";
import { callingModel, scriptedModel } from "./support/scripted-model.ts";
import { readServerSentEvents } from "./support/sse-reader.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

// Each starts processes of the command line.
vi.setConfig({ testTimeout: 60_000 });

test("a server moves events that are older than it keeps them to files, byte for byte, and the log goes on", async () => {
  const server = await oldServerForTest({ env: { PAYGENT_RETENTION_DAYS: "30" }, archiveEveryMs: 50 });
  const id = await server.oldSession();
  const lines = await logLines(server, id);

  server.comeBack();
  await expect.poll(() => logLines(server, id), { timeout: 10_000 }).toEqual([]);

  expect(await archivedLines(server.archive, id)).toEqual(lines);
  const client = await server.connect(id);
  const end = await client.end(execute(client, "look {}"));
  expect(client.events.filter(({ seq }) => seq !== undefined)[0]?.seq).toBe(lines.length + 1);
  expect(jsonLines(await server.paygent("verify", id, "--json"))).toEqual([
    expect.objectContaining({ isIntact: true, events: end.seq, lastSeq: end.seq }),
  ]);
});

test("a young event, and all behind it, stays", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession(2);
  const old = await logLines(server, id);
  server.clock.advance(15 * dayMs);
  const client = await server.connect(id);
  await client.end(execute(client, "look {}"));
  await client.close();
  const all = await logLines(server, id);
  server.clock.advance(25 * dayMs);

  await server.archiveEvents();

  expect(await archivedLines(server.archive, id)).toEqual(old);
  expect(await logLines(server, id)).toEqual(all.slice(old.length));
});

test("what waits for a person stays, with all that came after it, and goes when it has ended", async () => {
  const server = await oldServerForTest();
  const { id } = await server.createSession({ approval_timeout_s: 30 * 24 * 3600, tools: { look: "ask" } });
  const client = await server.connect(id);
  const waiting = execute(client, "look {}");
  const { data } = await client.first("approval_required", waiting);
  const other = execute(client, "look {}");
  await client.first("approval_required", other);
  await ask(client, "cancel", { execution_id: other });
  await client.end(other);

  // Its time has not come yet when ten of the forty days are left.
  server.clock.advance(29 * dayMs);
  const kept = await server.archiveEvents("--days", "1");
  const late = await server.connect(id);
  await ask(late, "approve", { request_id: data.request_id });
  await late.end(waiting);
  await Promise.all([client.close(), late.close()]);
  const lines = await logLines(server, id);
  const gone = await server.archiveEvents(id, "--days", "1");

  expect(kept).toEqual([{ sessionId: id, outcome: "nothing" }]);
  expect(gone[0]).toMatchObject({ outcome: "archived", firstSeq: 1, lastSeq: lines.length });
  expect(await archivedLines(server.archive, id)).toEqual(lines);
});

test("an execution that has not ended stays, also when it alone would fill a file", async () => {
  const server = await oldServerForTest({ tools: [readTool("look", () => "seen"), readTool("confirm", () => "yes")] });
  const { id } = await server.createSession({ tools: { confirm: "ask" }, approval_timeout_s: 30 * 24 * 3600 });
  const client = await server.connect(id);
  const execution = execute(client, [...Array(260).fill("look {}"), "confirm {}"].join(" && "));
  await client.first("approval_required", execution);
  await client.find(({ seq }) => seq === 524);
  await client.close();
  server.clock.advance(29 * dayMs);

  expect(await server.archiveEvents("--days", "1")).toEqual([{ sessionId: id, outcome: "nothing" }]);
});

test("an execution whose payment is not known to have an end stays", async () => {
  const world = fakeWorld();
  const server = await oldServerForTest({ world });
  world.beforeSettle = () => Promise.reject(new Error("The line is dead."));
  world.beforeChain = () => Promise.reject(new Error("The chain is silent."));
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "look {}"));
  const before = (await logLines(server, id)).length;
  await client.end(execute(client, 'pay_service {"service":"market-data"}'));
  await client.close();
  server.comeBack();

  const kept = await server.archiveEvents();

  expect(kept[0]).toMatchObject({ outcome: "archived", firstSeq: 1, lastSeq: before });
  expect(await archivedLines(server.archive, id)).toHaveLength(before);
  const { body } = await server.http("GET", `/payments?session_id=${id}`);
  expect(body.data).toMatchObject([{ state: "sent" }]);
});

test("readers of a pruned log are told where it begins and where the rest is", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession();
  const [first] = (await server.http("GET", `/sessions/${id}/executions`)).body.data;
  const before = await server.http("GET", `/executions/${first.execution_id}`);
  const summary = await server.http("GET", `/logs/${id}/summary`);
  server.comeBack();
  await server.archiveEvents();
  const archived = {
    last_seq: 24,
    message: `Events 1 to 24 of this session are no longer in the database but in the server's archive, in the folder ${id}. Whoever runs the server has them.`,
  };

  const get = async (path: string) => (await server.http("GET", path)).body;
  expect(await get(`/sessions/${id}`)).toMatchObject({ first_seq: 25, last_seq: 24 });
  expect(await get(`/sessions/${id}/events`)).toEqual({ data: [], first_seq: 25, last_seq: 24, archived });
  expect(await get(`/logs?session_id=${id}`)).toEqual({ data: [], next_cursor: null, archived });
  expect(await get(`/logs/${first.execution_id}`)).toEqual({ data: [], next_cursor: null, archived });
  expect(await get(`/logs/${id}/summary`)).toEqual(summary.body);
  expect(await get(`/executions/${first.execution_id}`)).toEqual(before.body);
  expect((await server.paygent("verify", "--json")).code).toBe(0);

  const behind = await server.connect(id, { lastSeq: 5 });
  const next = execute(behind, "look {}");
  await behind.end(next);
  const [, resync, ...events] = behind.events;
  expect(resync).toMatchObject({ type: "resync", data: { session_id: id, first_seq: 25, last_seq: 24 } });
  expect(events.filter(({ seq }) => seq !== undefined)[0]?.seq).toBe(25);
  expect((await get(`/sessions/${id}/events?after_seq=24`)).archived).toBeUndefined();
  expect((await get(`/logs/${next}`)).archived).toBeUndefined();

  const headers = { authorization: `Bearer ${await server.token()}`, "last-event-id": "5" };
  const stream = await readServerSentEvents(
    `${server.url}/api/v1/sessions/${id}/events`,
    headers,
    (event) => event.id === "25",
  );
  expect(JSON.parse(stream[0]?.data ?? "")).toMatchObject({ type: "resync", data: { first_seq: 25 } });
});

test("a command that is sent again long after is still answered as it was", async () => {
  const server = await oldServerForTest();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "look {}", { budget_limit_usd: "0.50" });
  await client.end(execution);
  const repeat = { type: "execute", data: { command: "look {}", budget_limit_usd: "0.50", execution_id: execution } };
  client.send({ ...repeat, id: "soon" });
  const soon = await client.answerTo("soon");
  await client.close();
  server.comeBack();
  await server.archiveEvents();

  const late = await server.connect(id);
  late.send({ ...repeat, id: "late" });

  expect(soon).toMatchObject({ type: "execution_started", data: { duplicate: true, status: "completed" } });
  expect((await late.answerTo("late")).data).toEqual(soon.data);
});

test("a model remembers what was said in executions whose events are archived", async () => {
  const model = scriptedModel({ text: "Blue it is." }, { text: "Still blue." }, { text: "You said blue." });
  const server = await oldServerForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "remember blue"));
  await client.end(execute(client, "what is it?"));
  await client.close();
  server.comeBack();
  await server.archiveEvents();

  const late = await server.connect(id);
  await late.end(execute(late, "what did I say?"));

  expect(model.requests.at(-1)?.messages).toEqual([
    { role: "user", text: "remember blue" },
    { role: "assistant", text: "Blue it is.", toolCalls: [] },
    { role: "user", text: "what is it?" },
    { role: "assistant", text: "Still blue.", toolCalls: [] },
    { role: "user", text: "what did I say?" },
  ]);
});

test("payments, statements and decisions stay whole", async () => {
  const server = await oldServerForTest({ model: callingModel() });
  const { id } = await server.createSession({ approval_threshold_usd: "0.01" });
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"market-data"}');
  const { data } = await client.first("approval_required", execution);
  await ask(client, "approve", { request_id: data.request_id });
  await client.end(execution);
  await client.close();
  const paths = [`/payments?session_id=${id}`, `/payments/statement?session_id=${id}`, `/approvals/${data.request_id}`];
  const read = () => Promise.all(paths.map(async (path) => (await server.http("GET", path)).body));
  server.comeBack();
  const before = await read();

  await server.archiveEvents();

  const { created_at: _, ...statement } = before[1];
  expect(await logLines(server, id)).toEqual([]);
  expect(await read()).toEqual([before[0], expect.objectContaining(statement), before[2]]);
});

test("a dry run tells what would be moved, and moves nothing", async () => {
  const server = await oldServerForTest();
  const id = await server.oldSession();
  server.comeBack();

  const dry = await server.archiveEvents("--dry-run");

  expect(dry).toEqual([{ sessionId: id, outcome: "due", firstSeq: 1, lastSeq: 24 }]);
  expect(await logLines(server, id)).toHaveLength(24);
  expect(await archivedLines(server.archive, id)).toEqual([]);
});

test("a session of many events goes in several files, and executions are whole in them", async () => {
  const server = await oldServerForTest();
  const id = await longSession(server);
  const lines = await logLines(server, id);
  const ends = lines.flatMap((line) => (line.includes('"type":"complete"') ? [JSON.parse(line).seq] : []));
  server.comeBack();

  const files = await server.archiveEvents(id);

  const archived = files.filter(({ outcome }) => outcome === "archived");
  expect(archived.length).toBeGreaterThan(1);
  for (const { firstSeq, lastSeq } of archived) {
    expect(lastSeq - firstSeq).toBeLessThan(500);
    expect(ends).toContain(lastSeq);
  }
  expect(await archivedLines(server.archive, id)).toEqual(lines);
});

test("archiving that is told to stop ends after the batch under way, and the next goes on from there", async () => {
  const server = await oldServerForTest();
  const id = await longSession(server);
  const lines = await logLines(server, id);
  server.comeBack();
  const stop = new AbortController();
  const told: string[] = [];

  for await (const { outcome } of archiveSteps(server, id, stop.signal)) {
    told.push(outcome);
    stop.abort();
  }

  const moved = await archivedLines(server.archive, id);
  expect(told).toEqual(["archived"]);
  expect([...moved, ...(await logLines(server, id))]).toEqual(lines);
  await archiveHere(server, id);
  expect(await archivedLines(server.archive, id)).toEqual(lines);
});

/** A session whose events are too many for one file. */
async function longSession(server: OldServer): Promise<string> {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const many = Array(60).fill("look {}").join(" && ");
  for (let count = 0; count < 5; count++) await client.end(execute(client, many));
  await client.close();
  return id;
}
