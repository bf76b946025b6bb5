import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf, typesOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

const buy = { calls: [{ name: "pay_service", args: { service: "premium-report" } }] };

test("a rejected call never runs, its money comes back, and the agent is told why and goes on", async () => {
  const world = fakeWorld();
  const model = scriptedModel(buy, { text: "Then without it." });
  const server = await serverForTest({ world, model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "buy the report");
  const { data: request } = await client.first("approval_required", execution);

  const decided = await ask(client, "reject", { request_id: request.request_id, reason: "too dear" });
  const end = await client.end(execution);

  expect(decided).toMatchObject({
    type: "rejected",
    data: { request_id: request.request_id, decision: "rejected", decided_by: "alice", reason: "too dear" },
  });
  expect(typesOf(client, execution).slice(4)).toEqual([
    "budget",
    "rejected",
    "tool_result",
    "budget",
    "thinking",
    "complete",
  ]);
  expect(dataOf(client, execution, "budget")).toMatchObject([
    { spent: "0.00", reserved: "25.00", remaining: "25.00" },
    { spent: "0.00", reserved: "0.00", remaining: "50.00" },
  ]);
  expect(model.requests[1]?.messages.at(-1)).toMatchObject({
    role: "tool",
    success: false,
    result: { error: { code: "rejected", message: expect.stringContaining("The reason given: too dear") } },
  });
  expect(end).toMatchObject({
    type: "complete",
    data: { result: { text: "Then without it." }, total_cost: "0.00 USD" },
  });
  expect(world.signed.size).toBe(0);
});

test("an approved call runs once with exactly what was shown", async () => {
  const world = fakeWorld();
  const model = scriptedModel(buy, { text: "Bought." });
  const server = await serverForTest({ world, model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "buy the report");
  const { data: request } = await client.first("approval_required", execution);

  await ask(client, "approve", { request_id: request.request_id, reason: "go ahead" });
  await client.end(execution);

  expect([...world.signed.values()]).toMatchObject([{ amount: "25000000" }]);
  expect(world.settled).toHaveLength(1);
  expect(model.requests[1]?.messages.at(-1)).toMatchObject({ role: "tool", success: true });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({
    spent: "25.00",
    reserved: "0.00",
    remaining: "25.00",
  });
});

test("over HTTP a decision answers with the decided request", async () => {
  const server = await serverForTest({ model: scriptedModel(buy, { text: "Fine." }) });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "buy the report");
  const { data: request } = await client.first("approval_required", execution);

  const first = await server.http("POST", `/approvals/${request.request_id}/reject`, { body: { reason: "no" } });
  const second = await server.http("POST", `/approvals/${request.request_id}/approve`);
  await client.end(execution);

  expect(first).toMatchObject({
    status: 200,
    body: { status: "rejected", decided_by: "alice", decision_reason: "no" },
  });
  expect(second).toMatchObject({ status: 409, body: { code: "already_decided", details: { decision: "rejected" } } });
});
