import { expect, test } from "vitest";
import type { ModelReply } from "../src/runtime/agent-model.ts";
import { dataOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

const usage = { inputTokens: 100_000, outputTokens: 10_000 };
/** At 3 USD and 15 USD per million tokens a reply costs 0.45 USD. */
const prices = "other=1/1, scripted=3/15";
const buyNews = { calls: [{ name: "pay_service", args: { service: "news" } }], usage };

async function start(replies: readonly Partial<ModelReply>[], config: Record<string, unknown> = {}, list = prices) {
  const world = fakeWorld();
  const model = scriptedModel(...replies);
  const server = await serverForTest({ model, world, env: { PAYGENT_MODEL_PRICES: list } });
  const { id } = await server.createSession(config);
  return { world, model, server, client: await server.connect(id) };
}

test("what the model costs is charged step by step, told as it happens, and part of the total", async () => {
  const { client } = await start([buyNews, { text: "Done.", usage }]);

  const execution = execute(client, "Get the news.");
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "complete", data: { total_cost: "2.90 USD" } });
  expect(dataOf(client, execution, "budget").map(({ spent, reserved }) => [spent, reserved])).toEqual([
    ["0.45", "0.00"],
    ["0.45", "2.00"],
    ["2.45", "0.00"],
    ["2.90", "0.00"],
  ]);
});

test.each([
  ["session", { budget_usd: "0.44" }, {}],
  ["daily", { daily_budget_usd: "0.44" }, {}],
  ["execution", {}, { budget_limit_usd: "0.44" }],
])("a step that passes the %s budget ends the execution, and nothing of it is done", async (budget, config, data) => {
  const { client, world, model } = await start([buyNews, { text: "Done.", usage }], config);

  const execution = execute(client, "Get the news.", data);
  const end = await client.end(execution);

  expect(end).toMatchObject({
    type: "error",
    data: { code: "budget_exceeded", fatal: true, details: { budget, needed_usd: "0.45", remaining_usd: "0.44" } },
  });
  expect(dataOf(client, execution, "tool_call")).toEqual([]);
  expect([world.signed.size, model.requests.length]).toEqual([0, 1]);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.45", reserved: "0.00" });
});

test("what the model costs leaves less for payments", async () => {
  const { client } = await start([buyNews, { text: "Done.", usage }], { budget_usd: "2.44" });

  const execution = execute(client, "Get the news.");
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "error", data: { details: { budget: "session", remaining_usd: "1.99" } } });
});

test.each([
  ["that is not in the price table", "other=1/1"],
  ["of a server without a price table", ""],
])("a model %s costs nothing", async (_, list) => {
  const { client } = await start([{ text: "Done.", usage }], {}, list);

  const execution = execute(client, "Say hello.");

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { total_cost: "0.00 USD" } });
});

test("a part of a millionth of a dollar is charged as a whole one", async () => {
  const { client } = await start([{ text: "Done.", usage: { inputTokens: 1, outputTokens: 0 } }], {}, "scripted=0.1/0");

  const execution = execute(client, "Say hello.");

  expect(await client.end(execution)).toMatchObject({ data: { total_cost: "0.000001 USD" } });
});

test("what subagents cost and pay draws on the budget of the execution that started them", async () => {
  const { client } = await start(
    [
      { calls: [{ name: "delegate", args: { agent: "payer", task: "buy the news" } }], usage },
      buyNews,
      { text: "Bought.", usage },
      { text: "Done.", usage },
    ],
    {},
  );

  const execution = execute(client, "Delegate.", { budget_limit_usd: "3.79" });
  const end = await client.end(execution);

  expect(end).toMatchObject({
    type: "error",
    data: { code: "budget_exceeded", details: { budget: "execution", needed_usd: "0.45", remaining_usd: "0.44" } },
  });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "3.80" });
});

test.each(["scripted", "scripted=3", "scripted=3/x", "scripted=-1/2", "=1/2"])(
  "the price list %j is refused at start, by name",
  async (list) => {
    await expect(start([], {}, list)).rejects.toThrow(/PAYGENT_MODEL_PRICES.*none/);
  },
);
