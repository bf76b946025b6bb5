import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { buyTool, newOffer, worldWithOffer } from "./support/buy-tool.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const world = worldWithOffer(newOffer({ amount: "2000000" }));
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel(), tools: [buyTool], world });
});

afterAll(() => server.remove());

async function start(config: Record<string, unknown> = {}) {
  const userId = crypto.randomUUID();
  const { id } = await server.createSession(config, userId);
  const simulate = async (call: object, by: string = userId) =>
    server.http("POST", "/policy/simulate", { body: { session_id: id, ...call }, userId: by });
  return { id, userId, simulate };
}

const pay = (service: string) => ({ tool_name: "pay_service", tool_args: { service } });
const buy = { tool_name: "buy", tool_args: { url: "https://shop.test/thing" } };

test.each<[string, object, Record<string, unknown>, object]>([
  ["a cheap service", pay("market-data"), {}, { outcome: "allow", estimated_cost: "0.10", approvals_needed: 0 }],
  [
    "a dear service",
    pay("premium-report"),
    {},
    { outcome: "ask", rule: "approval_threshold_usd", approvals_needed: 1 },
  ],
  ["somebody new", buy, {}, { outcome: "ask", rule: "max_first_payment_usd", payee: "shop.test" }],
  ["a denied tool", pay("news"), { tools: { pay_service: "deny" } }, { outcome: "deny", rule: "tools.pay_service" }],
  ["a cap", pay("premium-report"), { max_payment_usd: "24" }, { outcome: "deny", rule: "max_payment_usd" }],
  ["a denied host", buy, { hosts: { deny: ["shop.test"] } }, { outcome: "deny", rule: "hosts.deny" }],
  ["the session's budget", pay("news"), { budget_usd: "1.99" }, { outcome: "deny", rule: "budget_usd" }],
  ["the daily budget", pay("news"), { daily_budget_usd: "1.99" }, { outcome: "deny", rule: "daily_budget_usd" }],
  [
    "a payee's budget",
    pay("news"),
    { payee_budgets_usd: { news: "1" } },
    { outcome: "deny", rule: "payee_budgets_usd" },
  ],
  [
    "the call's own ceiling",
    { tool_name: "pay_service", tool_args: { service: "news", max_amount: "1" } },
    {},
    { outcome: "deny", rule: "max_amount" },
  ],
  [
    "a quorum",
    pay("premium-report"),
    { approvers: ["bob", "carol"], quorum: [{ above_usd: "20", approvals: 2 }] },
    { outcome: "ask", rule: "quorum", approvals_needed: 2 },
  ],
  ["a free tool", { tool_name: "check_balance" }, {}, { outcome: "allow", estimated_cost: "0.00" }],
  ["a stated amount", { ...buy, amount: "12" }, {}, { outcome: "ask", estimated_cost: "12.00" }],
  [
    "a stated payee",
    { tool_name: "pay_service", amount: "0.5", payee: "0xEE" },
    { payees: { deny: ["0xee"] } },
    { outcome: "deny", rule: "payees.deny" },
  ],
])("it tells what %s means", async (_, call, config, expected) => {
  const { simulate } = await start(config);

  const { status, body } = await simulate(call);

  expect({ status, body }).toMatchObject({ status: 200, body: { policy_version: 1, ...expected } });
});

test("it tells what would be left in each budget", async () => {
  const { simulate } = await start({ budget_usd: "5", payee_budgets_usd: { news: "3" } });

  const { body } = await simulate(pay("news"));

  expect(body.budgets).toEqual([
    { budget: "session", limit: "5.00", before: "5.00", after: "3.00" },
    { budget: "daily", limit: "100.00", before: "100.00", after: "98.00" },
    { budget: "payee", limit: "3.00", before: "3.00", after: "1.00" },
  ]);
});

test("it says the same as what then happens, and has changed nothing", async () => {
  const { simulate, id, userId } = await start();
  const before = await server.http("GET", `/sessions/${id}`, { userId });
  const signedBefore = world.signed.size;

  const outcomes = [];
  for (const call of [pay("market-data"), pay("premium-report"), buy])
    outcomes.push((await simulate(call)).body.outcome);
  const after = await server.http("GET", `/sessions/${id}`, { userId });
  const signed = world.signed.size;
  const client = await server.connect(id, { userId });
  const execution = execute(client, 'pay_service {"service":"market-data"}');
  await client.end(execution);

  expect(outcomes).toEqual(["allow", "ask", "ask"]);
  expect(after.body).toEqual(before.body);
  expect(after.status).toBe(200);
  expect([signed, world.signed.size]).toEqual([signedBefore, signedBefore + 1]);
});

test("it knows freezes and spend rules", async () => {
  const { simulate, id, userId } = await start();
  const client = await server.connect(id, { userId });
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", execution);
  const remember = { tool_name: "pay_service", max_amount: "25" };
  await ask(client, "approve", { request_id: request.request_id, remember });
  await client.end(execution);
  const [rule] = (await server.http("GET", `/sessions/${id}/spend-rules`, { userId })).body.data;

  const covered = await simulate(pay("premium-report"));
  await server.http("POST", "/freeze", { body: { scope: "user" }, userId });
  const frozen = await simulate(pay("premium-report"));

  expect(covered.body).toMatchObject({ outcome: "allow", spend_rule_id: rule.id });
  expect(frozen.body).toMatchObject({ outcome: "deny", rule: "freeze" });
});

test.each([{}, { amount: "1" }])("a service that there is not is a wrong argument, by its name %j", async (more) => {
  const { simulate } = await start();

  const { status, body } = await simulate({ tool_name: "pay_service", tool_args: { service: "moon" }, ...more });

  expect([status, body.code]).toEqual([422, "invalid_arguments"]);
  expect(body.detail).toContain('There is no service called "moon". Known services: ');
});

test("a stranger's session, an unknown tool and wrong arguments are refused", async () => {
  const { simulate } = await start();

  const answers = [
    await simulate(buy, "mallory"),
    await simulate({ tool_name: "launch" }),
    await simulate({ tool_name: "pay_service", tool_args: { sevice: "news" } }),
    await simulate({ ...buy, amount: "-1" }),
  ];

  expect(answers.map(({ body }) => body.code)).toEqual([
    "not_found",
    "invalid_arguments",
    "invalid_arguments",
    "invalid_message",
  ]);
});
