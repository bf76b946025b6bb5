import { expect, test } from "vitest";
import { dataOf, typesOf } from "./support/events-of.ts";
import { callingModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

const look = { calls: [{ name: "check_balance", args: {} }] };

test("an execution that takes all of its steps fails with a sentence that names the limit", async () => {
  const model = scriptedModel(look);
  const server = await serverForTest({ model });
  const { id } = await server.createSession({ max_steps: 3 });
  const client = await server.connect(id);

  const execution = execute(client, "go on for ever");
  const end = await client.end(execution);

  expect(end).toMatchObject({
    type: "error",
    data: { code: "quota_exceeded", fatal: true, message: expect.stringContaining("limit of 3 steps") },
  });
  expect(model.requests).toHaveLength(3);
  expect((await server.http("GET", `/executions/${execution}`)).body).toMatchObject({
    status: "failed",
    error: { code: "quota_exceeded" },
  });
});

test("an execution may use its last step to answer", async () => {
  const server = await serverForTest({ model: scriptedModel(look, look, { text: "Done." }) });
  const { id } = await server.createSession({ max_steps: 3 });
  const client = await server.connect(id);

  const execution = execute(client, "look twice");

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { result: { text: "Done." } } });
});

test("the steps of subagents count", async () => {
  const delegate = { calls: [{ name: "delegate", args: { agent: "payer", task: "look" } }] };
  const server = await serverForTest({ model: scriptedModel(delegate, look) });
  const { id } = await server.createSession({ max_steps: 4 });
  const client = await server.connect(id);

  const execution = execute(client, "have somebody look");

  expect(await client.end(execution)).toMatchObject({ type: "error", data: { code: "quota_exceeded" } });
  expect(dataOf(client, execution, "thinking")).toHaveLength(4);
});

test("an execution whose model does not answer in time fails and the model is told to stop", async () => {
  const stopped = Promise.withResolvers<void>();
  const model = scriptedModel(async (_request, { signal }) => {
    signal.addEventListener("abort", () => stopped.resolve());
    await new Promise(() => undefined);
    return {};
  });
  const server = await serverForTest({ model });
  const { id } = await server.createSession({ execution_timeout_s: 1 });
  const client = await server.connect(id);

  const execution = execute(client, "think for ever");
  const end = await client.end(execution);

  await stopped.promise;
  expect(end).toMatchObject({
    type: "error",
    data: { code: "timeout", fatal: true, message: expect.stringContaining("limit of 1 seconds") },
  });
});

test("a tool that does not answer before the execution's time is over gets no result", async () => {
  const hang = readTool("hang", () => new Promise(() => undefined));
  const server = await serverForTest({ model: callingModel(), tools: [hang] });
  const { id } = await server.createSession({ execution_timeout_s: 1 });
  const client = await server.connect(id);

  const execution = execute(client, "hang");
  await client.end(execution);

  expect(typesOf(client, execution)).toEqual(["execution_started", "thinking", "tool_call", "error"]);
});

test("a tool that does not answer within its own time-out is a failed call", async () => {
  const hang = { ...readTool("hang", () => new Promise(() => undefined)), timeoutMs: 20 };
  const server = await serverForTest({ model: callingModel(), tools: [hang] });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "hang");
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: false, error: { code: "timeout" } }]);
  expect(typesOf(client, execution).at(-1)).toBe("complete");
});

test("an execution over its own budget fails, and the sentence says what is left", async () => {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, 'pay_service {"service":"news"}', { budget_limit_usd: "1.50" });
  const end = await client.end(execution);

  expect(end).toMatchObject({
    type: "error",
    data: {
      code: "budget_exceeded",
      fatal: true,
      message:
        "This costs 2.00 USD, but the execution's budget has 1.50 USD left. Raise budget_limit_usd or do without it.",
      details: { budget: "execution", needed_usd: "2.00", remaining_usd: "1.50" },
    },
  });
  expect(dataOf(client, execution, "budget")).toEqual([]);
});
