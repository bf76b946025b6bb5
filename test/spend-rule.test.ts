import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { type ManualClock, manualClock } from "./support/manual-clock.ts";
import { callingModel } from "./support/scripted-model.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buyNews = 'pay_service {"service":"news"}';
let server: TestServer;
let clock: ManualClock;

beforeAll(async () => {
  clock = manualClock();
  server = await startTestServer({ model: callingModel(), clock });
});

afterAll(() => server.remove());

/** A session that asks above 1 USD, in which a rule was left with the approval of the first news. */
async function remember(rule: Record<string, unknown>) {
  const { id } = await server.createSession({ approval_threshold_usd: "1" });
  const client = await server.connect(id);
  const execution = execute(client, buyNews);
  const { data: request } = await client.first("approval_required", execution);
  const answer = await ask(client, "approve", { request_id: request.request_id, remember: rule });
  if (answer.type === "approved") await client.end(execution);
  return { id, client, answer };
}

/** Whether a command asked before it did anything. */
async function isAsked(client: TestClient, command: string): Promise<boolean> {
  const execution = execute(client, command);
  const next = await client.find(
    ({ type, data }) =>
      (type === "approval_required" || type === "complete") &&
      "execution_id" in data &&
      data.execution_id === execution,
  );
  return next.type === "approval_required";
}

test("a remembered approval lets the next one through and is listed with what it let through", async () => {
  const { id, client } = await remember({ tool_name: "pay_service", max_amount: "2" });

  const asked = await isAsked(client, buyNews);
  const { body } = await server.http("GET", `/sessions/${id}/spend-rules`);

  expect(asked).toBe(false);
  expect(body.data).toMatchObject([{ tool_name: "pay_service", max_amount: "2.00", used: "2.00", session_id: id }]);
});

test("a rule lets nothing through above its amount", async () => {
  const { client } = await remember({ tool_name: "pay_service", max_amount: "1.99" });

  expect(await isAsked(client, buyNews)).toBe(true);
});

test("a rule for one payee lets no other through", async () => {
  const { client } = await remember({ tool_name: "pay_service", max_amount: "30", payee: "news" });

  const forNews = await isAsked(client, buyNews);
  const forReport = await isAsked(client, 'pay_service {"service":"premium-report"}');

  expect({ forNews, forReport }).toEqual({ forNews: false, forReport: true });
});

test("a rule's total runs out", async () => {
  const { id, client } = await remember({ tool_name: "pay_service", max_amount: "2", total: "5" });

  const asked = [await isAsked(client, buyNews), await isAsked(client, buyNews), await isAsked(client, buyNews)];
  const { body } = await server.http("GET", `/sessions/${id}/spend-rules`);

  expect(asked).toEqual([false, false, true]);
  expect(body.data).toMatchObject([{ total: "5.00", used: "4.00" }]);
});

test("the payments of one step together do not pass a rule's total", async () => {
  const { client } = await remember({ tool_name: "pay_service", max_amount: "2", total: "5" });

  const execution = execute(client, `${buyNews} && ${buyNews} && ${buyNews}`);
  await client.first("approval_required", execution);
  await client.find(() => dataOf(client, execution, "tool_result").length === 2);

  expect(dataOf(client, execution, "approval_required")).toHaveLength(1);
});

test("a rule ends when its time is over", async () => {
  const expires_at = new Date(clock.now() + 60_000).toISOString();
  const { client } = await remember({ tool_name: "pay_service", max_amount: "2", expires_at });

  const before = await isAsked(client, buyNews);
  clock.advance(60_000);
  const after = await isAsked(client, buyNews);

  expect({ before, after }).toEqual({ before: false, after: true });
});

test("a rule that was revoked lets nothing through and stays listed", async () => {
  const { id, client } = await remember({ tool_name: "pay_service", max_amount: "2" });
  const [rule] = (await server.http("GET", `/sessions/${id}/spend-rules`)).body.data;

  const revoked = await server.http("DELETE", `/spend-rules/${rule.id}`);
  const asked = await isAsked(client, buyNews);
  const { body } = await server.http("GET", `/sessions/${id}/spend-rules`);

  expect(revoked.status).toBe(204);
  expect(asked).toBe(true);
  expect(body.data).toMatchObject([{ id: rule.id, revoked_at: expect.any(String) }]);
});

test("a rule holds in its own session only", async () => {
  await remember({ tool_name: "pay_service", max_amount: "2" });
  const { id } = await server.createSession({ approval_threshold_usd: "1" });
  const client = await server.connect(id);

  expect(await isAsked(client, buyNews)).toBe(true);
});

test("a rule stands above a session's ask, and never above its deny or a cap", async () => {
  const { id, client } = await remember({ tool_name: "pay_service", max_amount: "30" });
  const configure = (config: object) => server.http("PATCH", `/sessions/${id}`, { body: { config } });

  await configure({ tools: { pay_service: "ask" } });
  const asked = await isAsked(client, buyNews);
  await configure({ tools: {}, max_payment_usd: "1.99" });
  const execution = execute(client, buyNews);
  await client.end(execution);

  expect(asked).toBe(false);
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ error: { code: "policy_denied" } }]);
});

test("a rule for another tool than the approved one is refused, and nothing is decided", async () => {
  const { client, id, answer } = await remember({ tool_name: "check_balance", max_amount: "2" });

  expect(answer).toMatchObject({ type: "error", data: { code: "invalid_arguments" } });
  expect((await server.http("GET", `/sessions/${id}/spend-rules`)).body.data).toEqual([]);
  expect(client.events.some(({ type }) => type === "approved")).toBe(false);
});
