import { expect, onTestFinished, test } from "vitest";
import { type AnthropicStub, type StubReply, type StubScript, startAnthropicStub } from "./support/anthropic-stub.ts";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, type TestServer } from "./support/test-server.ts";

/** At 3 USD and 15 USD per million tokens a reply of these costs 0.045 USD, and 0.042 USD of it is input. */
const usage = { input: 14_000, output: 200 };
const prices = "other=1/1, anthropic/claude-stub=3/15/0.3";
const buyNews: StubReply = { calls: [{ name: "pay_service", args: { service: "news" } }], usage };
const done: StubReply = { text: "Done.", usage };

async function start(script: StubScript, config: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const world = fakeWorld();
  const stub = await startAnthropicStub(script);
  onTestFinished(() => stub.close());
  const server = await serverForTest({
    world,
    env: {
      PAYGENT_MODEL: "anthropic/claude-stub",
      ANTHROPIC_API_KEY: "sk-ant-for-tests",
      ANTHROPIC_BASE_URL: stub.url,
      PAYGENT_MODEL_PRICES: prices,
      ...env,
    },
  });
  const { id } = await server.createSession(config);
  return { world, stub, server, id, client: await server.connect(id) };
}

/** What each `budget` event of an execution says, in USD. */
function budgetsOf(client: TestClient, execution: string) {
  return dataOf(client, execution, "budget").map(({ spent, reserved }) => ({
    spent: Number(spent),
    reserved: Number(reserved),
  }));
}

async function spentOf(server: TestServer, id: string): Promise<string> {
  const { body } = await server.http("GET", `/sessions/${id}`);
  expect(body.budget.reserved).toBe("0.00");
  return body.budget.spent;
}

/** What a request to the stub could have cost at most, in USD, from the bytes that came. */
function mostOf(stub: AnthropicStub, index: number): number {
  const body = stub.requests[index]?.body;
  if (body === undefined) throw new Error(`There was no request ${index}.`);
  return (Buffer.byteLength(JSON.stringify(body)) * 3 + body.max_tokens * 15) / 1_000_000;
}

test("the most that a step can cost is set aside before the model is asked, and becomes what it did cost", async () => {
  const { client, stub } = await start([buyNews, done]);

  const execution = execute(client, "Get the news.");
  const end = await client.end(execution);
  const [first, second, third, fourth, fifth, sixth] = budgetsOf(client, execution);

  expect(end).toMatchObject({ type: "complete", data: { total_cost: "2.09 USD" } });
  expect(stub.requests.map(({ body }) => body.max_tokens)).toEqual([8192, 8192]);
  expect(first?.spent).toBe(0);
  expect(first?.reserved).toBeGreaterThanOrEqual(mostOf(stub, 0));
  expect([second, third, fourth]).toEqual([
    { spent: 0.045, reserved: 0 },
    { spent: 0.045, reserved: 2 },
    { spent: 2.045, reserved: 0 },
  ]);
  expect(fifth?.reserved).toBeGreaterThanOrEqual(mostOf(stub, 1));
  expect(sixth).toEqual({ spent: 2.09, reserved: 0 });
});

test.each([
  ["session", "budget_usd", { budget_usd: "0.1" }, {}],
  ["daily", "daily_budget_usd", { daily_budget_usd: "0.1" }, {}],
  ["execution", "budget_limit_usd", {}, { budget_limit_usd: "0.1" }],
])(
  "an answer is asked to be as short as the %s budget covers, and too short a one is not asked for",
  async (budget, rule, config, data) => {
    const { client, stub, server, id, world } = await start(
      // All that was allowed is used, call by call.
      ({ max_tokens }) => ({
        ...buyNews,
        calls: [{ name: "check_balance", args: {} }],
        usage: { input: 1000, output: max_tokens },
      }),
      config,
    );

    const execution = execute(client, "Go on for ever.", data);
    const end = await client.end(execution);

    expect(end).toMatchObject({
      type: "error",
      data: { code: "budget_exceeded", message: expect.stringContaining(`Raise ${rule}`), details: { budget, rule } },
    });
    const asked = stub.requests.map(({ body }) => body.max_tokens);
    expect(asked.length).toBeGreaterThan(0);
    expect(Math.max(...asked)).toBeLessThan(8192);
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(256);
    for (const { spent, reserved } of budgetsOf(client, execution))
      expect(spent + reserved).toBeLessThanOrEqual(0.1 + 1e-9);
    expect(Number(await spentOf(server, id))).toBeLessThanOrEqual(0.1);
    expect(world.signed.size).toBe(0);
  },
);

test("a model is not asked at all when the budget does not cover a short answer", async () => {
  const { client, stub, server, id } = await start([done], { budget_usd: "0.005" });

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ type: "error", data: { code: "budget_exceeded", details: { remaining_usd: "0.005" } } });
  expect(stub.requests).toEqual([]);
  expect(await spentOf(server, id)).toBe("0.00");
});

test("what is set aside for the model leaves less for payments", async () => {
  const { client } = await start([buyNews, done], { budget_usd: "2.044" });

  const end = await client.end(execute(client, "Get the news."));

  expect(end).toMatchObject({ type: "error", data: { details: { budget: "session", remaining_usd: "1.999" } } });
});

test("an attempt that the provider refused costs nothing", async () => {
  const { client, server, id, stub } = await start([{ status: 529, headers: { "retry-after-ms": "1" } }, done]);

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ type: "complete", data: { total_cost: "0.045 USD" } });
  expect(stub.requests).toHaveLength(2);
  expect(await spentOf(server, id)).toBe("0.045");
});

test("a refusal for good costs nothing and leaves nothing set aside", async () => {
  const { client, server, id } = await start([{ status: 400 }]);

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ type: "error", data: { code: "model_failed" } });
  expect(await spentOf(server, id)).toBe("0.00");
});

test.each([
  ["breaks off in the middle", { text: ["One, ", "two."], cutAfter: 1 } satisfies StubReply],
  ["is answered by something in between", { status: 504, headers: { "retry-after-ms": "1" } } satisfies StubReply],
])("an attempt that %s is charged what was set aside for it", async (_, reply) => {
  const { client, stub } = await start([reply, done]);

  const execution = execute(client, "Say hello.");
  await client.end(execution);
  const [first, second, third] = budgetsOf(client, execution);

  expect(stub.requests).toHaveLength(2);
  expect(first?.reserved).toBeGreaterThanOrEqual(mostOf(stub, 0));
  expect(second).toMatchObject({ spent: first?.reserved });
  expect(third?.spent).toBeCloseTo((first?.reserved ?? 0) + 0.045, 6);
  expect(third?.reserved).toBe(0);
});

test("a step that is cancelled while the model answers is charged what was set aside for it", async () => {
  const { client, server, id } = await start([{ text: ["One, ", "two."], holdAfter: 1 }]);

  const execution = execute(client, "Say hello.");
  await client.first("text_delta", execution);
  await ask(client, "cancel", { execution_id: execution });
  const [first] = budgetsOf(client, execution);

  expect(first?.reserved).toBeGreaterThan(0);
  expect(Number(await spentOf(server, id))).toBe(first?.reserved);
});

test("input from the provider's cache has its own price", async () => {
  const { client } = await start([{ text: "Done.", usage: { input: 1000, cached: 10_000, output: 100 } }]);

  const end = await client.end(execute(client, "Say hello."));

  // 1000 at 3 USD, 10,000 at 0.30 USD, 100 at 15 USD a million.
  expect(end).toMatchObject({ type: "complete", data: { total_cost: "0.0075 USD" } });
});

test("more than could be set aside is charged where the budgets have it", async () => {
  const { client } = await start([{ text: "Done.", usage: { input: 1_000_000, output: 100 } }]);

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ type: "complete", data: { total_cost: "3.0015 USD" } });
});

test("more than any budget has left ends the execution, and no budget is passed", async () => {
  const { client, server, id } = await start([{ ...buyNews, usage: { input: 1_000_000, output: 100 } }], {
    budget_usd: "3",
  });

  const execution = execute(client, "Say hello.");
  const end = await client.end(execution);
  const [first] = budgetsOf(client, execution);

  expect(end).toMatchObject({ type: "error", data: { code: "budget_exceeded", details: { rule: "budget_usd" } } });
  expect(dataOf(client, execution, "tool_call")).toEqual([]);
  expect(Number(await spentOf(server, id))).toBe(first?.reserved);
});

test.each([
  ["that is not in the price table", "other=1/1"],
  ["whose price is nothing", "anthropic/claude-stub=0/0"],
  ["of a server without a price table", ""],
])("a model %s costs nothing, and is asked as ever", async (_, list) => {
  const { client, stub } = await start([{ text: "Done.", usage }], {}, { PAYGENT_MODEL_PRICES: list });

  const execution = execute(client, "Say hello.");

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { total_cost: "0.00 USD" } });
  expect(dataOf(client, execution, "budget")).toEqual([]);
  // What the provider's own client asks for when nobody says how much.
  expect(stub.requests.map(({ body }) => body.max_tokens)).toEqual([128_000]);
});

test("a part of a millionth of a dollar is charged as a whole one", async () => {
  const env = { PAYGENT_MODEL_PRICES: "anthropic/claude-stub=0.1/0" };
  const { client } = await start([{ text: "Done.", usage: { input: 1, output: 1 } }], {}, env);

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ data: { total_cost: "0.000001 USD" } });
});

test("what subagents cost and pay draws on the budget of the execution that started them", async () => {
  const { client } = await start([
    { calls: [{ name: "delegate", args: { agent: "payer", task: "buy the news" } }], usage },
    buyNews,
    { text: "Bought.", usage },
    done,
  ]);

  const execution = execute(client, "Delegate.", { budget_limit_usd: "2.14" });
  const end = await client.end(execution);

  // 0.045 USD thrice and 2 USD leave 0.005 USD for the last step.
  expect(end).toMatchObject({
    type: "error",
    data: { code: "budget_exceeded", details: { budget: "execution", remaining_usd: "0.005" } },
  });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "2.135", reserved: "0.00" });
});

test("subagents that think at once each have their own set aside", async () => {
  const task = { name: "delegate", args: { agent: "researcher", task: "look around" } };
  const { client, server, id, stub } = await start([
    { calls: [task, task, task], usage },
    { text: "Looked.", usage },
  ]);

  const execution = execute(client, "Delegate thrice.");
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "complete", data: { total_cost: "0.225 USD" } });
  expect(stub.requests).toHaveLength(5);
  expect(await spentOf(server, id)).toBe("0.225");
});

test("a priced model of one's own that says nothing of its requests is refused", async () => {
  const server = await serverForTest({
    model: scriptedModel(() => ({ text: "Done." })),
    env: { PAYGENT_MODEL_PRICES: "scripted=3/15" },
  });
  const client = await server.connect((await server.createSession()).id);

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ data: { code: "model_failed", message: expect.stringContaining("meter.begin()") } });
});

test("a priced model of one's own is charged what it says of its requests", async () => {
  const taken = { inputTokens: 14_000, cachedTokens: 0, outputTokens: 200 };
  const server = await serverForTest({
    model: scriptedModel({ text: "Done.", usage: taken }),
    env: { PAYGENT_MODEL_PRICES: "scripted=3/15" },
  });
  const client = await server.connect((await server.createSession()).id);

  const end = await client.end(execute(client, "Say hello."));

  expect(end).toMatchObject({ type: "complete", data: { total_cost: "0.045 USD" } });
});

test.each(["scripted", "scripted=3", "scripted=3/x", "scripted=-1/2", "=1/2", "scripted=1/2/3", "scripted=1/1/1/1"])(
  "the price list %j is refused at start, by name",
  async (list) => {
    await expect(start([], {}, { PAYGENT_MODEL_PRICES: list })).rejects.toThrow(/PAYGENT_MODEL_PRICES.*none/);
  },
);

test("a price for the rules is refused at start", async () => {
  await expect(start([], {}, { PAYGENT_MODEL_PRICES: "rules=1/1" })).rejects.toThrow(/lists rules/);
});

test.each(["0", "15", "1e3", "many"])("the longest answer %j is refused at start", async (most) => {
  const env = { PAYGENT_MODEL_MAX_OUTPUT_TOKENS: most };
  await expect(start([], {}, env)).rejects.toThrow(/PAYGENT_MODEL_MAX_OUTPUT_TOKENS must be a whole number of tokens/);
});
