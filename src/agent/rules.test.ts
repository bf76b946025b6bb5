import fc from "fast-check";
import { expect, test } from "vitest";
import type { ModelMessage, ModelReply, ModelRequest } from "../runtime/agent-model.ts";
import { languageModel } from "./language-model.ts";
import { rulesModel } from "./rules.ts";
import { researcher } from "./subagents.ts";

const model = languageModel(rulesModel(), { name: "rules" });
const offered = ["pay_service", "check_balance", "discover_services", "fetch_url", "wait", "ask_user", "delegate"];

function ask(messages: readonly ModelMessage[], given: Partial<ModelRequest> = {}, onText = (_delta: string) => {}) {
  const tools = offered.map((name) => ({ name, description: name, inputSchema: { type: "object" } }));
  return model.respond(
    { instructions: "Work.", messages, tools, ...given },
    { signal: new AbortController().signal, onText },
  );
}

function command(text: string): ModelMessage[] {
  return [{ role: "user", text }];
}

/** The messages that follow when a reply's call got a result. */
function answered(reply: ModelReply, toolId: string, result: unknown, success = true): ModelMessage[] {
  const call = reply.calls[0];
  if (!call) throw new Error("The reply holds no call.");
  return [
    { role: "assistant", text: reply.text, toolCalls: [{ toolId, name: call.name, args: call.args ?? {} }] },
    { role: "tool", toolId, name: call.name, success, result },
  ];
}

const payment = { payee: "market-data", amount: "0.10", currency: "USDC", tx_hash: "0xabc" };
const paid = { status: 200, content_type: "application/json", payment };

test.each([
  ["pay 0.10 USDC to market-data", "pay_service", { service: "market-data", max_amount: "0.10" }],
  ["  PAY   $0.10  To Market-Data. ", "pay_service", { service: "market-data", max_amount: "0.10" }],
  ["please pay 2usdc for the news service", "pay_service", { service: "news", max_amount: "2" }],
  ["pay 25 dollars to premium report!", "pay_service", { service: "premium-report", max_amount: "25" }],
  ["buy news", "pay_service", { service: "news" }],
  ["buy news for 2 USDC", "pay_service", { service: "news", max_amount: "2" }],
  ["Show my balance", "check_balance", {}],
  ["list services", "discover_services", {}],
  ["find all services for weather data", "discover_services", { query: "weather data" }],
  ["fetch https://Example.com/A;b?c=D.", "fetch_url", { url: "https://Example.com/A;b?c=D" }],
  ["wait 5 seconds", "wait", { seconds: 5 }],
  ["Wait 2.5s.", "wait", { seconds: 2.5 }],
  ["research the price of Tin", "delegate", { agent: "researcher", task: "the price of Tin" }],
  ["ask me Which one, A or B?", "ask_user", { question: "Which one, A or B?" }],
])("%j is a call of %s", async (text, name, args) => {
  const reply = await ask(command(text));

  expect(reply.calls).toEqual([{ name, args }]);
});

test.each([
  "dance",
  "pay market-data",
  "pay 10 to news",
  "pay 0,10 USDC to news",
  "pay 1,000 USDC to news",
  "pay 1e3 USDC to news",
  "pay 0x10 USDC to news",
  "pay -1 USDC to news",
  "pay 1 ETH to news",
  "pay $5 EUR to news",
  "pay 1 USDC to news and buy status",
  "pay 1 USDC to 0x1234",
  "buy news for much",
  "wait 5",
  "wait 2 minutes",
  "wait 301 seconds",
  "wait 0 seconds",
  "fetch example.com",
  "buy news then dance",
])("%j is not guessed at: nothing is called and the grammar is told", async (text) => {
  const reply = await ask(command(text));

  expect(reply.calls).toEqual([]);
  expect(reply.success).toBe(false);
  expect(reply.text).toContain("no language model");
  expect(reply.text).toContain("pay <amount> <currency> to");
});

test("the text is streamed in several pieces", async () => {
  const deltas: string[] = [];

  const reply = await ask(command("dance"), {}, (delta) => deltas.push(delta));

  expect(deltas.length).toBeGreaterThan(3);
  expect(deltas.join("")).toBe(reply.text);
});

test("a paid call is reported with its amount and transaction", async () => {
  const messages = command("pay 0.10 USDC to market-data");
  const first = await ask(messages);

  const reply = await ask([...messages, ...answered(first, "t1", paid)]);

  expect(reply).toEqual({ text: "Paid 0.10 USDC to market-data (transaction 0xabc).", calls: [], success: true });
});

test("steps run one after another, and every reply restates the plan", async () => {
  let messages = command("pay 0.10 USDC to market-data, and then wait 1 second; check balance");
  const plans: (string[] | undefined)[] = [];
  const names: string[] = [];

  for (let turn = 0; turn < 4; turn += 1) {
    const reply = await ask(messages);
    plans.push(reply.plan?.map((step) => step.status));
    const call = reply.calls[0];
    if (!call) break;
    names.push(call.name);
    messages = [...messages, ...answered(reply, `t${turn}`, {})];
  }

  expect(names).toEqual(["pay_service", "wait", "check_balance"]);
  expect(plans).toEqual([
    ["in_progress", "pending", "pending"],
    ["done", "in_progress", "pending"],
    ["done", "done", "in_progress"],
    ["done", "done", "done"],
  ]);
});

test("a rejected step is told and the next one still runs", async () => {
  const messages = command("buy premium-report then buy news");
  const first = await ask(messages);
  const error = { code: "policy_denied", message: "A human rejected this: too dear." };
  const after = [...messages, ...answered(first, "t1", { error }, false)];

  const second = await ask(after);
  const last = await ask([...after, ...answered(second, "t2", { payment: { ...payment, payee: "news" } })]);

  expect(second.calls).toEqual([{ name: "pay_service", args: { service: "news" } }]);
  expect(second.plan?.map((step) => step.status)).toEqual(["skipped", "in_progress"]);
  expect(last.success).toBe(false);
  expect(last.text).toContain("Not done: buy premium-report. A human rejected this: too dear.");
  expect(last.text).toContain("Paid 0.10 USDC to news");
});

test("a call that a human changed counts as its step done and is told as it ran", async () => {
  const messages = command("pay 20 USDC to premium-report");
  const first = await ask(messages);
  const result = {
    note: "A human changed it.",
    ran_with: { service: "news", max_amount: "2" },
    result: { body: "Hi" },
  };

  const reply = await ask([...messages, ...answered(first, "t1", result)]);

  expect(reply.calls).toEqual([]);
  expect(reply.success).toBe(true);
  expect(reply.text).toContain("news");
  expect(reply.text).toContain("A human changed this call.");
});

test("a payment that a client's plan has made already is not asked for again", async () => {
  const messages = command("wait 1 second then pay 1 USDC to news");
  const made = answered({ text: "", calls: [{ name: "pay_service", args: {} }], success: true }, "t0", paid);

  const first = await ask([...messages, ...made]);
  const last = await ask([...messages, ...made, ...answered(first, "t1", { waited_seconds: 1 })]);

  expect(first.calls).toEqual([{ name: "wait", args: { seconds: 1 } }]);
  expect(last.calls).toEqual([]);
});

test("free text whose plan was run by the server is summed up", async () => {
  const made = answered({ text: "", calls: [{ name: "pay_service", args: {} }], success: true }, "t0", paid);

  const reply = await ask([...command("Do my shopping"), ...made]);

  expect(reply).toEqual({ text: "Paid 0.10 USDC to market-data (transaction 0xabc).", calls: [], success: true });
});

test("only the last command is worked on", async () => {
  const earlier = command("buy news");
  const first = await ask(earlier);

  const reply = await ask([...earlier, ...answered(first, "t1", paid), ...command("buy news")]);

  expect(reply.calls).toEqual([{ name: "pay_service", args: { service: "news" } }]);
});

test("a transfer is refused with a sentence where there is no tool for it", async () => {
  const reply = await ask(command(`send 5 USDC to 0x${"aB".repeat(20)}`));

  expect(reply.calls).toEqual([]);
  expect(reply.success).toBe(false);
  expect(reply.text).toContain("The tool transfer is not available here");
});

test("a transfer is called for when the tool is offered", async () => {
  const to = `0x${"aB".repeat(20)}`;
  const tools = [{ name: "transfer", description: "Transfers.", inputSchema: { type: "object" } }];

  const reply = await ask(command(`pay 5 usdc to ${to}.`), { tools });

  expect(reply.calls).toEqual([{ name: "transfer", args: { to, amount: "5", currency: "USDC" } }]);
});

test("the researcher lists the services, buys market-data and news, and sums up", async () => {
  const given = { instructions: researcher.instructions };
  let messages = command("tin; and then some");
  const calls: unknown[] = [];
  let text = "";

  for (let turn = 0; turn < 4; turn += 1) {
    const reply = await ask(messages, given);
    text = reply.text;
    calls.push(...reply.calls);
    if (reply.calls.length === 0) break;
    messages = [...messages, ...answered(reply, `t${turn}`, { status: 200, body: `fact ${turn}` })];
  }

  expect(calls).toEqual([
    { name: "discover_services", args: {} },
    { name: "pay_service", args: { service: "market-data" } },
    { name: "pay_service", args: { service: "news" } },
  ]);
  expect(text).toContain('"tin; and then some"');
  expect(text).toContain("market-data: fact 1");
  expect(text).toContain("news: fact 2");
});

test("generating gives the same content as streaming", async () => {
  const options = { prompt: [{ role: "user" as const, content: [{ type: "text" as const, text: "dance" }] }] };

  const generated = await rulesModel().doGenerate(options);

  expect(generated.finishReason.unified).toBe("other");
  expect(generated.content[0]).toMatchObject({ type: "text", text: (await ask(command("dance"))).text });
});

const words = fc.constantFrom(
  "pay",
  "0.10",
  "$",
  "USDC",
  "to",
  "news",
  "then",
  "and",
  ";",
  "wait",
  "5",
  "s",
  "://",
  ".",
);

test("no text of 4,000 characters makes it throw", async () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 2000 }),
    fc.array(words, { maxLength: 800 }).map((parts) => parts.join(" ")),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const reply = await ask(command(text));
      expect(reply.text).not.toBe("");
    }),
    { numRuns: 300 },
  );
});

test("long runs of one character take no more than linear time", async () => {
  for (const piece of [".", ";", " ", "please ", "then ", "a;", "9", "0.1", "$", "pay ", "://", "buy a;"]) {
    const startedAt = performance.now();

    await ask(command(`pay ${piece.repeat(4000 / piece.length)}`));

    expect(performance.now() - startedAt).toBeLessThan(100);
  }
});
