import { expect, test } from "vitest";
import { dataOf } from "./support/events-of.ts";
import { callingModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";
import { readTool, writeTool } from "./support/test-tools.ts";

/** Counts how many of its calls are under way at once; each ends when `isEnough` of them have begun, or at once. */
function gauge(waitFor: number) {
  const begun = Promise.withResolvers<void>();
  let running = 0;
  let count = 0;
  let most = 0;
  return {
    most: () => most,
    async run() {
      running += 1;
      count += 1;
      most = Math.max(most, running);
      if (count >= waitFor) begun.resolve();
      await begun.promise;
      // Whatever could start beside this call gets its chance to.
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return "done";
    },
  };
}

test("reads of one step run side by side", async () => {
  const reads = gauge(3);
  const server = await serverForTest({ model: callingModel(), tools: [readTool("look", reads.run)] });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "look && look && look");
  await client.end(execution);

  expect(reads.most()).toBe(3);
  expect(dataOf(client, execution, "tool_result").map(({ success }) => success)).toEqual([true, true, true]);
});

test("effects of one step run one at a time, in the order in which they were asked for", async () => {
  const writes = gauge(1);
  const order: unknown[] = [];
  const write = writeTool("change", ({ n }) => {
    order.push(n);
    return writes.run();
  });
  const server = await serverForTest({ model: callingModel(), tools: [write] });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, 'change {"n":1} && change {"n":2} && change {"n":3}');
  await client.end(execution);

  expect(writes.most()).toBe(1);
  expect(order).toEqual([1, 2, 3]);
});

test("a payment and a change do not run side by side", async () => {
  const writes = gauge(1);
  const server = await serverForTest({ model: callingModel(), tools: [writeTool("change", writes.run)] });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(
    client,
    'pay_service {"service":"news"} && change && pay_service {"service":"market-data"}',
  );
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "complete", data: { success: true, total_cost: "2.10 USD" } });
});

test("one call that fails leaves the others of its step alone", async () => {
  const fail = readTool("fail", () => {
    throw new Error("secret of the tool");
  });
  const server = await serverForTest({ model: callingModel(), tools: [fail, readTool("look", () => "seen")] });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "look && fail && look");
  const end = await client.end(execution);

  const results = dataOf(client, execution, "tool_result");
  expect(results.filter(({ success }) => success)).toHaveLength(2);
  expect(results.find(({ success }) => !success)?.error?.code).toBe("tool_failed");
  expect(end).toMatchObject({ type: "complete", data: { success: false } });
  expect(client.frames.join("")).not.toContain("secret of the tool");
});

test.each([
  ["a tool that is not there", { name: "launch", args: {} }, 'There is no tool "launch"'],
  ["arguments that are no object", { name: "check_balance", args: undefined }, "are no JSON object"],
  ["a wrong argument", { name: "wait", args: { seconds: "two" } }, "seconds"],
  ["an argument too many", { name: "check_balance", args: { of: "bob" } }, "wrong arguments"],
  ["a service that is not there", { name: "pay_service", args: { service: "moon" } }, 'no service called "moon"'],
])("a call with %s comes back to the model as a failed result", async (_, call, sentence) => {
  const model = scriptedModel({ calls: [call] }, { text: "I see." });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "do something odd");
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "complete", data: { result: { text: "I see." } } });
  expect(model.requests[1]?.messages.at(-1)).toMatchObject({
    role: "tool",
    success: false,
    result: { error: { message: expect.stringContaining(sentence) } },
  });
});

test("the model is asked again only when every call of its step has a result", async () => {
  const held = Promise.withResolvers<string>();
  const model = scriptedModel(
    {
      calls: [
        { name: "quick", args: {} },
        { name: "slow", args: {} },
      ],
    },
    { text: "Both are done." },
  );
  const tools = [readTool("quick", () => 1), readTool("slow", () => held.promise)];
  const server = await serverForTest({ model, tools });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "do both");
  await client.first("tool_result", execution);
  const askedBefore = model.requests.length;
  held.resolve("late");
  await client.end(execution);

  expect(askedBefore).toBe(1);
  expect(model.requests[1]?.messages.filter(({ role }) => role === "tool")).toMatchObject([
    { name: "quick", result: 1 },
    { name: "slow", result: "late" },
  ]);
});
