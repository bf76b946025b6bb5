import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf, eventsOf } from "./support/events-of.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

const delegate = { calls: [{ name: "delegate", args: { agent: "payer", task: "buy the report" } }] };
const buy = { calls: [{ name: "pay_service", args: { service: "premium-report" } }] };

async function start(config: Record<string, unknown> = {}) {
  const model = scriptedModel(delegate, buy, { text: "The report is here." }, { text: "All done." });
  const server = await serverForTest({ model });
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  return { model, server, client, execution: execute(client, "have the report bought") };
}

test("a subagent that waits for an approval goes on once it has it, and its answer is the call's result", async () => {
  const { model, client, execution } = await start();
  const { data: request } = await client.first("approval_required", execution);

  await ask(client, "approve", { request_id: request.request_id });
  const end = await client.end(execution);

  const [begun] = dataOf(client, execution, "subagent_start");
  expect(begun).toMatchObject({ subagent_type: "payer", task: "buy the report", parent_agent: "root" });
  expect(request.subagent_id).toBe(begun?.subagent_id);
  expect(dataOf(client, execution, "subagent_end")).toMatchObject([
    { subagent_id: begun?.subagent_id, success: true, result: "The report is here." },
  ]);
  expect(model.requests.at(-1)?.messages.at(-1)).toMatchObject({
    role: "tool",
    name: "delegate",
    result: { text: "The report is here." },
  });
  expect(end).toMatchObject({ type: "complete", data: { result: { text: "All done." }, total_cost: "25.00 USD" } });
});

test("everything that a subagent does carries its id, and nothing else does", async () => {
  const { client, execution } = await start({ approval_threshold_usd: "50" });
  await client.end(execution);

  const events = eventsOf(client, execution);
  const [begun] = dataOf(client, execution, "subagent_start");
  const first = events.findIndex(({ type }) => type === "subagent_start");
  const last = events.findIndex(({ type }) => type === "subagent_end");
  const marked = events.filter(({ data }) => "subagent_id" in data);
  const within = events.slice(first, last + 1).filter(({ type }) => type !== "budget");
  expect(marked).toEqual(within);
  expect(marked.every(({ data }) => "subagent_id" in data && data.subagent_id === begun?.subagent_id)).toBe(true);
});

test("a subagent has its own tools only, and sees its task instead of the command", async () => {
  const { model, client, execution } = await start({ approval_threshold_usd: "50" });
  await client.end(execution);

  const request = model.requests[1];
  expect(request?.tools.map(({ name }) => name).sort()).toEqual(["check_balance", "pay_service", "transfer"]);
  expect(request?.messages).toEqual([{ role: "user", text: "buy the report" }]);
});

test("a rejection is told to the subagent, which goes on", async () => {
  const { model, client, execution } = await start();
  const { data: request } = await client.first("approval_required", execution);

  await ask(client, "reject", { request_id: request.request_id, reason: "not now" });
  const end = await client.end(execution);

  expect(model.requests[2]?.messages.at(-1)).toMatchObject({ role: "tool", success: false });
  expect(end).toMatchObject({ type: "complete", data: { total_cost: "0.00 USD" } });
});

test("a session that asks before every delegation asks before the subagent starts", async () => {
  const { client, execution } = await start({ tools: { delegate: "ask" }, approval_threshold_usd: "50" });
  const { data: request } = await client.first("approval_required", execution);
  const before = dataOf(client, execution, "subagent_start");

  await ask(client, "approve", { request_id: request.request_id });
  const end = await client.end(execution);

  expect(request).toMatchObject({ tool_name: "delegate", reason: "This session asks before every delegate." });
  expect(before).toEqual([]);
  expect(dataOf(client, execution, "approval_required")).toHaveLength(1);
  expect(end).toMatchObject({ type: "complete", data: { success: true } });
});

test("an edited delegation starts the subagent with the changed task", async () => {
  const { model, client, execution } = await start({ tools: { delegate: "ask" }, approval_threshold_usd: "50" });
  const { data: request } = await client.first("approval_required", execution);

  const edited_args = { agent: "payer", task: "buy nothing" };
  await ask(client, "edit", { request_id: request.request_id, edited_args });
  await client.end(execution);

  expect(dataOf(client, execution, "subagent_start")).toMatchObject([{ task: "buy nothing" }]);
  expect(model.requests[1]?.messages).toEqual([{ role: "user", text: "buy nothing" }]);
});

test("a session that denies delegation starts no subagent", async () => {
  const { client, execution } = await start({ tools: { delegate: "deny" } });
  await client.find(() => dataOf(client, execution, "tool_result").length > 0);

  expect(dataOf(client, execution, "tool_result")[0]).toMatchObject({ error: { code: "policy_denied" } });
  expect(dataOf(client, execution, "subagent_start")).toEqual([]);
});

test("an execution whose subagent waits is waiting, and is cancelled whole", async () => {
  const { server, client, execution } = await start();
  const { data: request } = await client.first("approval_required", execution);

  const cancelled = await ask(client, "cancel", { execution_id: execution });
  const late = await ask(client, "approve", { request_id: request.request_id });

  expect(cancelled).toMatchObject({ type: "cancelled", data: { released_usd: "25.00" } });
  expect(late).toMatchObject({ type: "error", data: { code: "execution_ended" } });
  expect((await server.http("GET", `/executions/${execution}`)).body.status).toBe("cancelled");
});
