import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { connectWith } from "./support/connect-with.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

async function askAboutReport(config: Record<string, unknown> = {}) {
  const { id } = await server.createSession({ daily_budget_usd: "1000", ...config });
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", execution);
  return { id, client, execution, request };
}

const decisions = [
  ["approve", {}],
  ["reject", {}],
  ["edit", { edited_args: { service: "news" } }],
] as const;

test.each(decisions)("where a session names approvers its owner may not %s", async (type, data) => {
  const { client, request } = await askAboutReport({ approvers: ["bob"] });

  const answer = await ask(client, type, { request_id: request.request_id, ...data });

  expect(answer).toMatchObject({ type: "error", data: { code: "forbidden" } });
  expect(client.events.some(({ type: seen }) => seen === "approved" || seen === "rejected")).toBe(false);
});

test("an approver sees the request and decides, and everybody is told who it was", async () => {
  const { id, client, execution, request } = await askAboutReport({ approvers: ["bob"] });
  const bob = await server.connect(id, { userId: "bob" });
  const shown = (await bob.first("connected")).data.pending_approvals;

  await ask(bob, "approve", { request_id: request.request_id });
  await client.end(execution);

  expect(shown).toEqual([request]);
  expect(await client.first("approved", execution)).toMatchObject({ data: { decided_by: "bob" } });
});

test("an approver may not start or cancel", async () => {
  const { id, execution } = await askAboutReport({ approvers: ["bob"] });
  const bob = await server.connect(id, { userId: "bob" });

  const started = await ask(bob, "execute", { command: "check_balance" });
  const cancelled = await ask(bob, "cancel", { execution_id: execution });

  expect(started).toMatchObject({ type: "error", data: { code: "forbidden" } });
  expect(cancelled).toMatchObject({ type: "error", data: { code: "forbidden" } });
});

test.each(decisions)("a token without the scope approve may not %s", async (type, data) => {
  const { id, request } = await askAboutReport();
  const client = await connectWith(server, id, { sub: "alice", scope: "execute read" });

  const answer = await ask(client, type, { request_id: request.request_id, ...data });
  await client.close();

  expect(answer).toMatchObject({
    type: "error",
    data: { code: "forbidden", message: expect.stringContaining('"approve"') },
  });
});

test("a token without the scope execute may neither start nor cancel, but decides", async () => {
  const { id, execution, request } = await askAboutReport();
  const client = await connectWith(server, id, { sub: "alice", scope: "approve read" });

  const started = await ask(client, "execute", { command: "check_balance" });
  const cancelled = await ask(client, "cancel", { execution_id: execution });
  const approved = await ask(client, "approve", { request_id: request.request_id });
  await client.close();

  expect(started).toMatchObject({ type: "error", data: { code: "forbidden" } });
  expect(cancelled).toMatchObject({ type: "error", data: { code: "forbidden" } });
  expect(approved).toMatchObject({ type: "approved" });
});

test("an approver who was taken off the list while the request waited may not decide", async () => {
  const { id, request } = await askAboutReport({ approvers: ["bob", "carol"] });
  const bob = await server.connect(id, { userId: "bob" });
  await server.http("PATCH", `/sessions/${id}`, { body: { config: { approvers: ["carol"] } } });

  const answer = await ask(bob, "approve", { request_id: request.request_id });

  expect(answer.type).toBe("error");
  expect(["forbidden", "not_found"]).toContain("code" in answer.data ? answer.data.code : undefined);
});

test("what the session forbids meanwhile is not approved any more", async () => {
  const { id, client, request } = await askAboutReport();
  await server.http("PATCH", `/sessions/${id}`, { body: { config: { tools: { pay_service: "deny" } } } });

  const denied = await ask(client, "approve", { request_id: request.request_id });
  const rejected = await ask(client, "reject", { request_id: request.request_id });

  expect(denied).toMatchObject({ type: "error", data: { code: "policy_denied" } });
  expect(rejected).toMatchObject({ type: "rejected" });
});

test("what the budget no longer covers is not approved any more", async () => {
  const { id, client, request } = await askAboutReport();
  await server.http("PATCH", `/sessions/${id}`, { body: { config: { budget_usd: "24.99" } } });

  const answer = await ask(client, "approve", { request_id: request.request_id });

  expect(answer).toMatchObject({ type: "error", data: { code: "budget_exceeded" } });
});
