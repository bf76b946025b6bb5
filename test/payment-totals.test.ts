import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../src/client/index.ts";
import { formatUsd, usdMicros } from "../src/protocol/money.ts";
import type { PaymentInfo } from "../src/protocol/payment-info.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

/** A session of a user that has bought things, one after the other. */
async function buy(user: string, services: readonly string[], config: Record<string, unknown> = {}) {
  const { id } = await server.createSession(config, user);
  const client = await server.connect(id, { userId: user });
  for (const service of services) {
    await client.end(execute(client, `pay_service ${JSON.stringify({ service })}`));
  }
  return { id, client };
}

async function totals(user: string, query: string) {
  return (await server.http("GET", `/payments/totals?${query}`, { userId: user })).body.data;
}

test("payments are summed up over sessions by each of their traits, with the budget that they draw on", async () => {
  const user = crypto.randomUUID();
  const { id: first } = await buy(user, ["market-data", "news"], { payee_budgets_usd: { News: "5" } });
  const { id: second } = await buy(user, ["market-data"], { budget_usd: "7" });
  const { body: list } = await server.http("GET", "/payments", { userId: user });
  const day = list.data[0].quoted_at.slice(0, 10);

  const sum = (settled_usd: string, payments: number) => ({ payments, settled_usd, pending_usd: "0.00" });
  expect(await totals(user, "by=day")).toEqual([{ key: day, ...sum("2.20", 3), limit_usd: "100" }]);
  expect(await totals(user, "by=payee")).toEqual([
    { key: "news", ...sum("2.00", 1) },
    { key: "market-data", ...sum("0.20", 2) },
  ]);
  expect(await totals(user, `by=payee&session_id=${first}`)).toEqual([
    { key: "news", ...sum("2.00", 1), limit_usd: "5" },
    { key: "market-data", ...sum("0.10", 1) },
  ]);
  expect(await totals(user, "by=tool")).toEqual([{ key: "pay_service", ...sum("2.20", 3) }]);
  expect(await totals(user, "by=session")).toEqual([
    { key: first, ...sum("2.10", 2), limit_usd: "50" },
    { key: second, ...sum("0.10", 1), limit_usd: "7" },
  ]);
  expect(await totals(user, "by=state&payee=NEWS")).toEqual([{ key: "settled", ...sum("2.00", 1) }]);
  expect(await totals(user, `by=state&to=${list.data.at(-1).quoted_at}`)).toEqual([]);
});

test("the sums are those of the list, to the unit", async () => {
  const user = crypto.randomUUID();
  await buy(user, ["market-data", "news", "market-data"]);
  const { body } = await server.http("GET", "/payments", { userId: user });
  const listed = body.data.reduce((sum: bigint, { usd }: PaymentInfo) => sum + usdMicros(usd), 0n);

  const [settled] = await totals(user, "by=state");

  expect(settled).toMatchObject({ key: "settled", payments: body.data.length, settled_usd: formatUsd(listed) });
});

test("what waits for a decision is pending, and is neither once it was rejected", async () => {
  const user = crypto.randomUUID();
  const { client } = await buy(user, []);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data } = await client.first("approval_required", execution);

  expect(await totals(user, "by=tool")).toMatchObject([{ payments: 1, settled_usd: "0.00", pending_usd: "25.00" }]);
  client.send({ type: "reject", data: { request_id: data.request_id } });
  await client.end(execution);
  expect(await totals(user, "by=tool")).toMatchObject([{ payments: 1, settled_usd: "0.00", pending_usd: "0.00" }]);
});

test("days of sessions with different budgets have no one limit, and a payee's address has its budget", async () => {
  const user = crypto.randomUUID();
  await buy(user, ["market-data"]);
  const { body } = await server.http("GET", "/payments", { userId: user });
  const { pay_to } = body.data[0];
  const { id } = await buy(user, ["news"], { daily_budget_usd: "20", payee_budgets_usd: { [pay_to]: "3" } });

  const [day] = await totals(user, "by=day");
  const [ofSession] = await totals(user, `by=day&session_id=${id}`);
  const [payee] = await totals(user, `by=payee&session_id=${id}`);

  expect(day.limit_usd).toBeUndefined();
  expect(ofSession.limit_usd).toBe("20");
  expect(payee).toMatchObject({ key: "news", limit_usd: "3" });
});

test("sums are of one's own sessions and of those one approves for, and say what is wrong with a question", async () => {
  const user = crypto.randomUUID();
  const approver = crypto.randomUUID();
  const { id } = await buy(user, ["market-data"], { approvers: [approver] });

  expect(await totals("mallory", `by=session&session_id=${id}`)).toEqual([]);
  expect(await totals(approver, "by=session")).toMatchObject([{ key: id, settled_usd: "0.10" }]);
  const wrong = await server.http("GET", "/payments/totals?by=week", { userId: user });
  expect([wrong.status, wrong.body.code]).toEqual([400, "invalid_message"]);
});

test("the SDK reads sums and the identity", async () => {
  const user = crypto.randomUUID();
  await buy(user, ["market-data"]);
  const paygent = createClient({ url: server.url, token: await server.token(user) });

  expect((await paygent.payments.totals({ by: "payee" })).data).toMatchObject([{ key: "market-data" }]);
  expect(await paygent.identity.get()).toEqual({
    user_id: user,
    scopes: ["execute", "approve", "read"],
    expires_at: expect.stringMatching(/^\d{4}-/),
  });
});
