import { afterAll, beforeAll, expect, test } from "vitest";
import { dataOf, eventsOf, typesOf } from "./support/events-of.ts";
import { callingModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

test("a command without tools is started, thought about and completed", async () => {
  const talker = await serverForTest({ model: scriptedModel({ text: "Hello." }) });
  const { id } = await talker.createSession();
  const client = await talker.connect(id);

  const execution = execute(client, "say hello");
  const end = await client.end(execution);

  expect(typesOf(client, execution)).toEqual(["execution_started", "thinking", "complete"]);
  expect(end.data).toMatchObject({
    result: { text: "Hello." },
    success: true,
    total_cost: "0.00 USD",
    tool_calls: [],
  });
});

test("a payment below the threshold tells of each step once and in order", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, 'pay_service {"service":"news"}');
  const end = await client.end(execution);

  expect(typesOf(client, execution)).toEqual([
    "execution_started",
    "thinking",
    "tool_call",
    "budget",
    "tool_result",
    "budget",
    "thinking",
    "complete",
  ]);
  const [call] = dataOf(client, execution, "tool_call");
  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({
    tool_id: call?.tool_id,
    tool_name: "pay_service",
    success: true,
    cost: { amount: "2.00", currency: "USDC", usd: "2.00" },
  });
  expect(end.data).toMatchObject({
    total_cost: "2.00 USD",
    tool_calls: [{ tool_id: call?.tool_id, tool_name: "pay_service", success: true }],
  });
});

test("a payment above the threshold is asked about after its call and before its result", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", execution);

  client.send({ type: "approve", data: { request_id: request.request_id } });
  await client.end(execution);

  expect(typesOf(client, execution)).toEqual([
    "execution_started",
    "thinking",
    "tool_call",
    "approval_required",
    "budget",
    "approved",
    "tool_result",
    "budget",
    "thinking",
    "complete",
  ]);
  expect(dataOf(client, execution, "tool_call")[0]?.tool_id).toBe(request.tool_id);
});

test("the message's id stands as ref on what it directly caused, and nowhere else", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, 'pay_service {"service":"news"}');
  await client.end(execution);

  const refs = eventsOf(client, execution).map(({ ref }) => ref);
  expect(refs[0]).toBe(`execute-${execution}`);
  expect(refs.slice(1).every((ref) => ref === undefined)).toBe(true);
});

test("a command without an execution_id gets one", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  client.send({ type: "execute", data: { command: "check_balance" }, id: "bare" });
  const started = await client.answerTo("bare");

  expect(started).toMatchObject({
    type: "execution_started",
    data: { execution_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  });
});
