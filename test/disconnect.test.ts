import { afterAll, beforeAll, expect, test } from "vitest";
import type { DurableEvent } from "../src/protocol/events.ts";
import { eventsOf } from "./support/events-of.ts";
import { callingModel } from "./support/scripted-model.ts";
import { seededRandom } from "./support/seeded-random.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

const runs = Number(process.env.DISCONNECT_RUNS ?? 60);
const command = 'look {} && pay_service {"service":"market-data"} && pay_service {"service":"premium-report"}';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel(), tools: [readTool("look", () => "seen")] });
});

afterAll(() => server.remove());

/** What happened, without what differs between any two runs: ids, times, and the order of calls made at once. */
function storyOf(events: readonly DurableEvent[]): string[] {
  return events
    .map(({ type, data }) => {
      const name = "tool_name" in data ? data.tool_name : "";
      const success = "success" in data ? data.success : "";
      const cost = "total_cost" in data ? data.total_cost : "";
      return `${type} ${name} ${success} ${cost}`;
    })
    .sort();
}

/** An execution from its command to its end, with the socket cut behind the events whose numbers are in `cuts`. */
async function runWithCuts(cuts: ReadonlySet<number>): Promise<string[]> {
  const { id } = await server.createSession({ daily_budget_usd: "10000" });
  let client = await server.connect(id, { lastSeq: 0 });
  const execution = execute(client, command);
  const events: DurableEvent[] = [];
  while (events.at(-1)?.type !== "complete") {
    const known = events.at(-1)?.seq ?? 0;
    await client.find(({ seq }) => seq !== undefined && seq > known);
    const next = eventsOf(client, execution).find(({ seq }) => seq > known);
    if (next === undefined) throw new Error("The session's events are all of this execution.");
    events.push(next);
    if (cuts.has(next.seq)) {
      client.socket.terminate();
      await client.closed;
      client = await server.connect(id, { lastSeq: next.seq });
    }
    if (next.type === "approval_required") client.send({ type: "approve", data: { request_id: next.data.request_id } });
  }
  await client.close();
  return storyOf(events);
}

test(`an execution ends as it would have, however often its watcher is cut off (${runs} runs)`, async () => {
  const random = seededRandom(8);
  const uncut = await runWithCuts(new Set());

  const stories = [];
  for (let run = 1; run <= runs; run++) {
    const cuts = Array.from({ length: random(uncut.length) + 1 }, () => random(uncut.length) + 1);
    stories.push(await runWithCuts(new Set(cuts)));
  }

  for (const story of stories) expect(story).toEqual(uncut);
});

test("an execution that nobody watches goes on to its question, and after the answer to its end", async () => {
  const { id } = await server.createSession({ daily_budget_usd: "10000" });
  const client = await server.connect(id);
  await client.first("thinking", execute(client, command));
  client.socket.terminate();
  await client.closed;

  const later = await server.connect(id, { lastSeq: 0 });
  const { data: request } = await later.first("approval_required");
  await later.close();
  const { status } = await server.http("POST", `/approvals/${request.request_id}/approve`, { body: {} });

  expect(status).toBe(200);
  const last = await server.connect(id, { lastSeq: 0 });
  expect(await last.first("complete")).toMatchObject({ data: { success: true } });
});
