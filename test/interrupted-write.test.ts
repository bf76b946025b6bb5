import { afterEach, beforeEach, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer } from "./support/test-server.ts";
import { readTool, writeTool } from "./support/test-tools.ts";

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase();
});

afterEach(() => database.remove());

/** Stops a server amid a call of `tool`, starts another on the same store, and shows what happens there. */
async function interrupt(effect: typeof writeTool, config: Record<string, unknown> = {}) {
  const begun = Promise.withResolvers<void>();
  const hanging = effect("act", () => {
    begun.resolve();
    return new Promise(() => undefined);
  });
  const first = await startTestServer({ model: callingModel(), tools: [hanging], database });
  const { id } = await first.createSession(config);
  const before = await first.connect(id);
  const execution = execute(before, 'act {"n":1}');
  if (config.tools !== undefined) {
    const { data } = await before.first("approval_required", execution);
    await ask(before, "approve", { request_id: data.request_id });
  }
  await begun.promise;
  await first.remove();

  const ran: unknown[] = [];
  const acting = effect("act", (args) => {
    ran.push(args);
    return "done";
  });
  const second = await startTestServer({ model: callingModel(), tools: [acting], database });
  const client = await second.connect(id, { lastSeq: 0 });
  return { second, client, execution, ran };
}

async function nextRequest(client: Awaited<ReturnType<typeof interrupt>>["client"], execution: string, count = 1) {
  await client.find(() => dataOf(client, execution, "approval_required").length >= count);
  const request = dataOf(client, execution, "approval_required")[count - 1];
  if (request === undefined) throw new Error("There is no such request.");
  return request;
}

test("a change that was interrupted is asked about, and runs again when that is approved", async () => {
  const { second, client, execution, ran } = await interrupt(writeTool);
  const request = await nextRequest(client, execution);
  const ranBefore = [...ran];

  await ask(client, "approve", { request_id: request.request_id });
  const end = await client.end(execution);
  await second.remove();

  expect(request).toMatchObject({
    tool_name: "act",
    tool_args: { n: 1 },
    reason: "act was interrupted and may have happened already. Run it again?",
  });
  expect(ranBefore).toEqual([]);
  expect(ran).toEqual([{ n: 1 }]);
  expect(end).toMatchObject({ type: "complete", data: { success: true } });
});

test("a change that was interrupted does not run again when that is rejected", async () => {
  const { second, client, execution, ran } = await interrupt(writeTool);
  const request = await nextRequest(client, execution);

  await ask(client, "reject", { request_id: request.request_id });
  const end = await client.end(execution);
  await second.remove();

  expect(ran).toEqual([]);
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: false, error: { code: "rejected" } }]);
  expect(end).toMatchObject({ type: "complete", data: { success: false } });
});

test("an approval from before the interruption does not stand for running the change twice", async () => {
  const { second, client, execution, ran } = await interrupt(writeTool, { tools: { act: "ask" } });

  const request = await nextRequest(client, execution, 2);
  const ranBefore = [...ran];
  await ask(client, "approve", { request_id: request.request_id });
  await client.end(execution);
  await second.remove();

  expect(request.reason).toContain("may have happened already");
  expect(ranBefore).toEqual([]);
  expect(ran).toHaveLength(1);
});

test("a read that was interrupted is done again without a question", async () => {
  const { second, client, execution, ran } = await interrupt(readTool);

  const end = await client.end(execution);
  await second.remove();

  expect(ran).toHaveLength(1);
  expect(dataOf(client, execution, "approval_required")).toEqual([]);
  expect(end).toMatchObject({ type: "complete", data: { success: true } });
});

test("a question that waited is still there after a restart, and can be decided", async () => {
  const first = await startTestServer({ model: callingModel(), database });
  const { id } = await first.createSession();
  const before = await first.connect(id);
  const execution = execute(before, 'pay_service {"service":"premium-report"}');
  const { data: request } = await before.first("approval_required", execution);
  await first.remove();

  const second = await startTestServer({ model: callingModel(), database });
  const client = await second.connect(id);
  const { data: connected } = await client.first("connected");
  await ask(client, "approve", { request_id: request.request_id });
  const end = await client.end(execution);
  await second.remove();

  expect(connected.pending_approvals).toEqual([request]);
  expect(end).toMatchObject({ type: "complete", data: { total_cost: "25.00 USD" } });
});
