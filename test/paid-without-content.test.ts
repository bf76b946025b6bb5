import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { dataOf } from "./support/events-of.ts";
import { usdcBalanceOf } from "./support/local-chain.ts";
import { openPageShop, type PageShop, type ShopRequest } from "./support/page-shop.ts";
import { type PaidServer, startPaidServer } from "./support/paid-server.ts";
import { callingModel } from "./support/scripted-model.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";

let server: PaidServer;
let shop: PageShop;
let deliver: PageShop["onPaid"];

beforeAll(async () => {
  server = await startPaidServer({
    model: callingModel(),
    async onWorld(world) {
      shop = await openPageShop(world);
      deliver = shop.onPaid;
      return [shop.host];
    },
  });
});

afterEach(() => {
  shop.onPaid = deliver;
  shop.requests.length = 0;
});

afterAll(async () => {
  await server.remove();
  await shop.close();
});

async function openSession(config: Record<string, unknown> = {}) {
  const { id } = await server.createSession(config);
  return { id, client: await server.connect(id) };
}

/** Asks for the same page again. */
function fetchReport(client: TestClient): string {
  return execute(client, `fetch_url ${JSON.stringify({ url: `http://${shop.host}/report` })}`);
}

async function payments(sessionId: string) {
  return (await server.http("GET", `/payments?session_id=${sessionId}`)).body.data;
}

function paidWith(requests: readonly ShopRequest[]): string[] {
  return requests.flatMap(({ payment }) => payment ?? []);
}

/** Takes the money, and then says that something went wrong. */
const takeAndFail: PageShop["onPaid"] = async ({ payment = "" }, response) => {
  if (paidWith(shop.requests).filter((sent) => sent === payment).length === 1) await shop.settle(payment);
  response.writeHead(500).end();
};

async function usdcOfShop(): Promise<string> {
  return usdcBalanceOf(server.world, shop.payTo);
}

test("what was paid and not delivered is called that, and the call does not pay again", async () => {
  const before = Number(await usdcOfShop());
  shop.onPaid = takeAndFail;
  const { id, client } = await openSession();

  const execution = fetchReport(client);
  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({ success: false, error: { code: "tool_failed" }, cost: { amount: "0.10" } });
  expect(await payments(id)).toMatchObject([{ state: "settled", content: "missing" }]);
  expect(Number(await usdcOfShop()) - before).toBeCloseTo(0.1, 6);
});

test("asking again shows the same proof first, and what comes then costs nothing more", async () => {
  shop.onPaid = takeAndFail;
  const { id, client } = await openSession();
  await client.end(fetchReport(client));
  const before = await usdcOfShop();
  shop.onPaid = async (_request, response) => void response.end("at last");

  const again = fetchReport(client);
  const end = await client.end(again);

  const [result] = dataOf(client, again, "tool_result");
  expect(result).toMatchObject({ success: true, result: { body: "at last", payment: { paid_before: true } } });
  expect(result?.cost).toBeUndefined();
  expect(end).toMatchObject({ data: { total_cost: "0.00 USD" } });
  expect(new Set(paidWith(shop.requests)).size).toBe(1);
  expect(await payments(id)).toMatchObject([{ state: "settled", content: "delivered" }]);
  expect(await usdcOfShop()).toBe(before);
});

test("paying a second time for what never came is a human's decision, whatever the policy allows", async () => {
  shop.onPaid = takeAndFail;
  const { id, client } = await openSession();
  await client.end(fetchReport(client));

  const again = fetchReport(client);
  const { data: request } = await client.first("approval_required", again);
  const proofs = new Set(paidWith(shop.requests)).size;
  shop.onPaid = deliver;
  client.send({ type: "approve", data: { request_id: request.request_id } });
  const end = await client.end(again);

  expect(request).toMatchObject({ amount: "0.10", reason: expect.stringContaining("delivered nothing") });
  expect(proofs).toBe(1);
  expect(end).toMatchObject({ data: { success: true, total_cost: "0.10 USD" } });
  const [second, first] = await payments(id);
  expect(second).toMatchObject({ content: "delivered", repeats: first.payment_id });
  expect(first).toMatchObject({ content: "missing" });
  const third = fetchReport(client);
  await client.end(third);
  expect(dataOf(client, third, "approval_required")).toEqual([]);
});

test("a forged receipt and a friendly answer are no payment", async () => {
  const before = await usdcOfShop();
  const forged = { success: true, transaction: `0x${"ab".repeat(32)}`, network: "eip155:31337" };
  shop.onPaid = async (_request, response) => {
    const header = Buffer.from(JSON.stringify(forged)).toString("base64");
    response.writeHead(200, { "payment-response": header }).end("here you are");
  };
  const { id, client } = await openSession();

  const execution = fetchReport(client);
  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({ success: false, error: { code: "payment_failed" } });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
  expect(await payments(id)).toMatchObject([{ state: "cancelled" }]);
  expect(new Set(paidWith(shop.requests)).size).toBe(1);
  expect(await usdcOfShop()).toBe(before);
});

test("a page that takes the money and then hangs up is asked again with the same bytes, and has been paid once", async () => {
  const before = Number(await usdcOfShop());
  shop.onPaid = async (request, response) => {
    if (paidWith(shop.requests).length > 1) return deliver(request, response);
    response.socket?.destroy();
  };
  const { client } = await openSession();

  const execution = fetchReport(client);
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: true }]);
  expect(new Set(paidWith(shop.requests)).size).toBe(1);
  expect(Number(await usdcOfShop()) - before).toBeCloseTo(0.1, 6);
});
