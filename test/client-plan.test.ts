import { expect, test } from "vitest";
import type { ModelRequest } from "../src/runtime/agent-model.ts";
import { dataOf } from "./support/events-of.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";

function statuses(client: TestClient, execution: string) {
  return dataOf(client, execution, "plan").map(({ steps }) => steps.map(({ status }) => status).join(" "));
}

function taskOf(request: ModelRequest): string | undefined {
  return request.messages.filter((message) => message.role === "user").at(-1)?.text;
}

test("a plan's tool steps run as they stand, without the model", async () => {
  const model = scriptedModel({ text: "never asked" });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const plan = [
    { title: "Look", tool_name: "check_balance" },
    { title: "Buy", tool_name: "pay_service", tool_args: { service: "news" } },
  ];

  const execution = execute(client, "look, then buy", { plan });
  const end = await client.end(execution);

  expect(model.requests).toEqual([]);
  expect(dataOf(client, execution, "tool_call").map((call) => [call.tool_name, call.tool_args])).toEqual([
    ["check_balance", {}],
    ["pay_service", { service: "news" }],
  ]);
  expect(statuses(client, execution)).toEqual(["in_progress pending", "done in_progress", "done done"]);
  expect(end).toMatchObject({
    type: "complete",
    data: { success: true, total_cost: "2.00 USD", result: { text: "Done: Look\nDone: Buy" } },
  });
});

test("a step that is only a title is put to the model as a command of its own", async () => {
  const model = scriptedModel({ calls: [{ name: "check_balance", args: {} }] }, { text: "There is money." });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "the whole", { plan: [{ title: "See what we have" }, { title: "Say goodbye" }] });
  const end = await client.end(execution);

  expect(model.requests.map(taskOf)).toEqual(["See what we have", "See what we have", "Say goodbye"]);
  expect(model.requests[2]?.messages).toHaveLength(1);
  expect(end).toMatchObject({ type: "complete", data: { success: true } });
  expect(
    dataOf(client, execution, "thinking").every(({ total_steps }) => total_steps === 2 || total_steps === undefined),
  ).toBe(true);
});

test("a step that fails is skipped, the next one runs, and the whole is no success", async () => {
  const server = await serverForTest();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const plan = [
    { title: "Buy the moon", tool_name: "pay_service", tool_args: { service: "moon" } },
    { title: "Call nobody", tool_name: "nobody" },
    { title: "Look", tool_name: "check_balance" },
  ];

  const execution = execute(client, "try", { plan });
  const end = await client.end(execution);

  expect(statuses(client, execution).at(-1)).toBe("skipped skipped done");
  expect(end).toMatchObject({
    type: "complete",
    data: { success: false, result: { text: "Not done: Buy the moon\nNot done: Call nobody\nDone: Look" } },
  });
});

test("a step that costs more than the plan says is asked about", async () => {
  const server = await serverForTest();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const buy = { tool_name: "pay_service", tool_args: { service: "news" } };
  const plan = [
    { title: "Cheap enough", max_cost_usd: "2", ...buy },
    { title: "Too dear", max_cost_usd: "1.999999", ...buy },
  ];

  const execution = execute(client, "buy twice", { plan });
  const { data: request } = await client.first("approval_required", execution);
  client.send({ type: "approve", data: { request_id: request.request_id } });
  const end = await client.end(execution);

  expect(request.reason).toBe("2.00 USD is above the 1.999999 USD that the plan allows this step.");
  expect(dataOf(client, execution, "approval_required")).toHaveLength(1);
  expect(end).toMatchObject({ type: "complete", data: { success: true, total_cost: "4.00 USD" } });
});

test("what a plan lets a step cost also holds for the subagents of that step", async () => {
  const model = scriptedModel(
    { calls: [{ name: "delegate", args: { agent: "payer", task: "buy the news" } }] },
    { calls: [{ name: "pay_service", args: { service: "news" } }] },
    { text: "Done." },
  );
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "get news", { plan: [{ title: "Get news", max_cost_usd: "1" }] });
  const { data: request } = await client.first("approval_required", execution);

  expect(request).toMatchObject({ amount: "2.00", reason: expect.stringContaining("that the plan allows") });
});

test("a subagent's own plan does not stand for the client's", async () => {
  const model = scriptedModel(
    { calls: [{ name: "delegate", args: { agent: "payer", task: "look" } }] },
    { plan: [{ title: "Mine", status: "in_progress" }], calls: [{ name: "check_balance", args: {} }] },
    { text: "Looked." },
    { text: "Delegated." },
    { text: "Second done." },
  );
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "two", { plan: [{ title: "First" }, { title: "Second" }] });
  const end = await client.end(execution);

  expect(model.requests.map(taskOf)).toEqual(["First", "look", "look", "First", "Second"]);
  expect(statuses(client, execution).at(-1)).toBe("done done");
  expect(end).toMatchObject({ data: { result: { text: "Second done." }, success: true } });
});

test("a model that says nothing at the end of a plan does not begin it again", async () => {
  const model = scriptedModel({ text: "" });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const plan = [{ title: "Buy", tool_name: "pay_service", tool_args: { service: "news" } }, { title: "Say nothing" }];

  const execution = execute(client, "buy, then be silent", { plan });
  const end = await client.end(execution);

  expect(dataOf(client, execution, "tool_call")).toHaveLength(1);
  expect(model.requests).toHaveLength(1);
  expect(end).toMatchObject({ type: "complete", data: { result: { text: "Done: Buy\nDone: Say nothing" } } });
});

test("what a model says in a step stands in the log, and a step that it gives up is skipped", async () => {
  const model = scriptedModel({ text: "Cannot.", success: false }, { text: "All right." });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "two", { plan: [{ title: "First" }, { title: "Second" }] });
  const end = await client.end(execution);

  expect(dataOf(client, execution, "thinking").map((said) => said.thought_process)).toContain("Cannot.");
  expect(statuses(client, execution).at(-1)).toBe("skipped done");
  expect(end).toMatchObject({ type: "complete", data: { success: false, result: { text: "All right." } } });
});
