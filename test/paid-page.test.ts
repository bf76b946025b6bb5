import { afterAll, beforeAll, expect, test } from "vitest";
import { dataOf } from "./support/events-of.ts";
import { usdcBalanceOf } from "./support/local-chain.ts";
import { openPageShop, type PageShop } from "./support/page-shop.ts";
import { type PaidServer, startPaidServer } from "./support/paid-server.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute } from "./support/test-server.ts";

let server: PaidServer;
let shop: PageShop;

beforeAll(async () => {
  server = await startPaidServer({
    model: callingModel(),
    async onWorld(world) {
      shop = await openPageShop(world);
      return [shop.host];
    },
  });
});

afterAll(async () => {
  await server.remove();
  await shop.close();
});

async function fetchPage(args: Record<string, unknown>, config: Record<string, unknown> = {}) {
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  shop.requests.length = 0;
  const execution = execute(client, `fetch_url ${JSON.stringify(args)}`);
  return { id, client, execution };
}

test("a page that asks for payment is paid, and its content is the result", async () => {
  const before = await usdcBalanceOf(server.world, shop.payTo);
  const url = `http://${shop.host}/report?year=2026`;
  const { client, execution } = await fetchPage({ url, max_amount: "0.10" });

  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({
    success: true,
    result: { status: 200, body: "paid: GET ", payment: { payee: shop.host, amount: "0.10" } },
    cost: { amount: "0.10", usd: "0.10" },
  });
  expect(Number(await usdcBalanceOf(server.world, shop.payTo)) - Number(before)).toBeCloseTo(0.1, 6);
  const { body: payment } = await server.http("GET", `/payments/${result?.cost?.payment_id}`);
  expect(payment).toMatchObject({
    content: "delivered",
    terms: { kind: "page", url, method: "GET", description: "A page." },
  });
});

test("the paid request carries the method and the body that were priced, byte for byte", async () => {
  const body = '{ "count": 1 }';
  const { client, execution } = await fetchPage({ url: `http://${shop.host}/orders`, method: "POST", body });

  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({ success: true, result: { body: `paid: POST ${body}` } });
  const sent = { method: "POST", url: "/orders", body };
  expect(shop.requests).toEqual([
    { ...sent, payment: undefined },
    { ...sent, payment: expect.any(String) },
  ]);
});

test("a page dearer than max_amount is not paid", async () => {
  const { id, client, execution } = await fetchPage({ url: `http://${shop.host}/dear`, max_amount: "0.09" });

  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result?.error).toMatchObject({ code: "policy_denied", message: expect.stringContaining("0.09") });
  expect(shop.requests.map(({ payment }) => payment)).toEqual([undefined]);
  expect((await server.http("GET", `/payments?session_id=${id}`)).body.data).toEqual([]);
});

test("a session that asks before each fetch is asked before anything goes out, and again with the price", async () => {
  const { client, execution } = await fetchPage({ url: `http://${shop.host}/asked` }, { tools: { fetch_url: "ask" } });
  const { data: first } = await client.first("approval_required", execution);
  const before = shop.requests.length;

  client.send({ type: "approve", data: { request_id: first.request_id } });
  const second = await client.find(
    ({ type, data }) => type === "approval_required" && "request_id" in data && data.request_id !== first.request_id,
  );
  client.send({ type: "approve", data: { request_id: (second.data as { request_id: string }).request_id } });
  const end = await client.end(execution);

  expect(before).toBe(0);
  expect(first).toMatchObject({ amount: "0.00" });
  expect(second.data).toMatchObject({ amount: "0.10", payee: shop.host });
  expect(end).toMatchObject({ type: "complete", data: { success: true, total_cost: "0.10 USD" } });
});

test("a session that denies the tool or the payee sends nothing, or pays nothing", async () => {
  const url = `http://${shop.host}/denied`;
  const tool = await fetchPage({ url }, { tools: { fetch_url: "deny" } });
  await tool.client.end(tool.execution);
  const sent = shop.requests.length;
  const payee = await fetchPage({ url }, { payees: { allow: [], deny: [shop.host] } });
  await payee.client.end(payee.execution);

  expect(sent).toBe(0);
  expect(shop.requests.map(({ payment }) => payment)).toEqual([undefined]);
  for (const { client, execution } of [tool, payee]) {
    expect(dataOf(client, execution, "tool_result")).toMatchObject([{ error: { code: "policy_denied" } }]);
  }
});

test("an address that is not public is not asked", async () => {
  const { client, execution } = await fetchPage({ url: "http://169.254.169.254/latest/meta-data" });

  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ error: { code: "url_blocked" } }]);
});
