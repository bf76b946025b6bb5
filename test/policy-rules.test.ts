import { afterAll, beforeAll, expect, test } from "vitest";
import { PaygentError } from "../src/protocol/errors.ts";
import { ask } from "./support/ask.ts";
import { buyTool, newOffer, type Offer, worldWithOffer } from "./support/buy-tool.ts";
import { dataOf } from "./support/events-of.ts";
import { manualClock } from "./support/manual-clock.ts";
import { callingModel } from "./support/scripted-model.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

const buy = (host = "shop.test") => `buy {"url":"https://${host}/thing"}`;

const offer = newOffer();
const world = worldWithOffer(offer);
const clock = manualClock();
let server: TestServer;

beforeAll(async () => {
  const look = readTool("look", () => "seen");
  server = await startTestServer({ model: callingModel(), tools: [buyTool, look], world, clock });
});

afterAll(() => server.remove());

/** A session of a user who has paid nobody yet, and what the seller asks for from now on. */
async function start(config: Record<string, unknown> = {}, given: Partial<Offer> = {}) {
  Object.assign(offer, newOffer(given));
  const userId = crypto.randomUUID();
  const { id } = await server.createSession(config, userId);
  const client = await server.connect(id, { userId });
  const signedBefore = world.signed.size;
  return {
    id,
    userId,
    client,
    signed: () => world.signed.size - signedBefore,
    patch: (body: object) => server.http("PATCH", `/sessions/${id}`, { body, userId }),
  };
}

/** The rule that asks about a command, or `undefined` when it ran without a question. */
async function ruleAsking(client: TestClient, command: string): Promise<string | undefined> {
  const execution = execute(client, command);
  await client.find(
    ({ type, data }) =>
      (type === "approval_required" || type === "complete" || (type === "error" && "fatal" in data)) &&
      "execution_id" in data &&
      data.execution_id === execution,
  );
  return dataOf(client, execution, "approval_required")[0]?.rule;
}

/** The error of a command's only call. */
async function errorOf(client: TestClient, command: string) {
  const execution = execute(client, command);
  await client.end(execution);
  return dataOf(client, execution, "tool_result")[0]?.error;
}

test.each([
  ["1000000", undefined],
  ["1000001", "max_first_payment_usd"],
])("a first payment of %s millionths to somebody new is asked about by %s", async (amount, rule) => {
  const { client } = await start({}, { amount });

  expect(await ruleAsking(client, buy())).toBe(rule);
});

test("once somebody has been paid, the next payment is no first one, whatever the letters of the address", async () => {
  const { client, userId } = await start({}, { amount: "1000000" });
  await client.end(execute(client, buy()));
  Object.assign(offer, { amount: "5000000", payTo: "0xa1" });
  const { id: other } = await server.createSession({}, userId);
  const stranger = await server.createSession({}, `${userId}-2`);

  const again = await ruleAsking(client, buy());
  const elsewhere = await ruleAsking(await server.connect(other, { userId }), buy());
  const ofStranger = await ruleAsking(await server.connect(stranger.id, { userId: `${userId}-2` }), buy());

  expect([again, elsewhere, ofStranger]).toEqual([undefined, undefined, "max_first_payment_usd"]);
});

test("an address that was not paid before is new, although the host is known", async () => {
  const { client } = await start({}, { amount: "1000000" });
  await client.end(execute(client, buy()));
  Object.assign(offer, { amount: "2000000", payTo: "0xB2" });

  expect(await ruleAsking(client, buy())).toBe("max_first_payment_usd");
});

test("a payment that did not happen makes nobody known", async () => {
  const { client } = await start({}, { amount: "1000000" });
  world.beforeSettle = () => Promise.reject(new PaygentError("timeout", "The seller is gone."));
  const error = await errorOf(client, buy());
  world.beforeSettle = async () => undefined;
  offer.amount = "2000000";

  expect(error?.code).toBe("payment_failed");
  expect(await ruleAsking(client, buy())).toBe("max_first_payment_usd");
});

test.each([
  ["a payee on the allow list", { payees: { allow: ["shop.test"] } }],
  ["a session that lets first payments be larger", { max_first_payment_usd: "2" }],
])("%s is not asked about for being new", async (_, config) => {
  const { client } = await start(config, { amount: "2000000" });

  expect(await ruleAsking(client, buy())).toBe(undefined);
});

test("a spend rule lets a first payment through only where it names the payee", async () => {
  const { client } = await start({}, { amount: "2000000" });
  const approveFirst = async (rule: object) => {
    const execution = execute(client, buy());
    const { data } = await client.first("approval_required", execution);
    const remember = { tool_name: "buy", max_amount: "5", ...rule };
    await ask(client, "approve", { request_id: data.request_id, remember });
    await client.end(execution);
  };

  await approveFirst({});
  offer.payTo = "0xB2";
  await approveFirst({ payee: "shop.test" });
  offer.payTo = "0xC3";
  const named = await ruleAsking(client, buy());
  const unnamed = await ruleAsking(client, buy("other.test"));
  offer.payTo = "0xD4";
  const other = await ruleAsking(client, buy("other.test"));

  expect([named, unnamed, other]).toEqual([undefined, undefined, "max_first_payment_usd"]);
});

test("payments beyond the velocity are asked about until the time is over", async () => {
  // Below the minute after which a silent socket is let go.
  const { client } = await start({ velocity: { payments: 2, per_s: 30 } });

  const burst = [await ruleAsking(client, buy()), await ruleAsking(client, buy()), await ruleAsking(client, buy())];
  clock.advance(30_000);
  const later = await ruleAsking(client, buy());

  expect([...burst, later]).toEqual([undefined, undefined, "velocity", undefined]);
});

test("of many payments in one step no more than the velocity go unasked", async () => {
  const { client, signed } = await start({ velocity: { payments: 3, per_s: 60 } });

  const execution = execute(client, Array.from({ length: 8 }, () => buy()).join(" && "));
  await client.find(() => dataOf(client, execution, "approval_required").length === 5);
  await client.find(() => dataOf(client, execution, "tool_result").length === 3);

  expect(signed()).toBe(3);
});

test("velocity can be taken off a session again", async () => {
  const { client, patch } = await start({ velocity: { payments: 1, per_s: 60 } });
  await client.end(execute(client, buy()));

  const { body } = await patch({ config: { velocity: null } });

  expect(body.config.velocity).toBe(null);
  expect(await ruleAsking(client, buy())).toBe(undefined);
});

test.each([
  [{ deny: ["shop.test"] }, "shop.test", "hosts.deny"],
  [{ deny: ["*.shop.test"] }, "eu.shop.test", "hosts.deny"],
  [{ deny: ["SHOP.test"] }, "shop.test.", "hosts.deny"],
  [{ allow: ["*.shop.test"] }, "shop.test", "hosts.allow"],
  [{ allow: ["shop.test"] }, "notshop.test", "hosts.allow"],
  [{ allow: ["shop.test:8443"] }, "shop.test:9443", "hosts.allow"],
  [{ allow: ["shop.test"], deny: ["shop.test"] }, "shop.test", "hosts.deny"],
  [{ allow: ["shop.test"] }, "shop.test:8443", undefined],
  [{ deny: ["*.shop.test"] }, "shop.test", undefined],
])("with the hosts %j a payment to %s is refused by %s", async (hosts, host, rule) => {
  const { client, signed } = await start({ hosts });

  const error = await errorOf(client, buy(host));

  expect([error?.code, error?.details?.rule]).toEqual(
    rule === undefined ? [undefined, undefined] : ["policy_denied", rule],
  );
  expect(signed()).toBe(rule === undefined ? 1 : 0);
});

test.each([
  ["a page", 'fetch_url {"url":"http://127.0.0.1:9/"}', "policy_denied"],
  ["an address that is no URL", 'fetch_url {"url":"nonsense"}', "url_blocked"],
])("%s that the host lists do not allow is not fetched", async (_, command, code) => {
  const { client } = await start({ hosts: { allow: ["example.com"] } });

  expect(await errorOf(client, command)).toMatchObject({ code });
});

test.each(["https://example.com", "example.com/path", "", "a b", "*.*.com", "user@example.com"])(
  "the host pattern %j is refused",
  async (pattern) => {
    const { status, body } = await server.http("POST", "/sessions", {
      body: { config: { hosts: { deny: [pattern] } } },
    });

    expect([status, body.code]).toEqual([400, "invalid_message"]);
  },
);

test("a change of the settings makes a new policy version, and a new limit is told", async () => {
  const { client, patch } = await start({ tools: { buy: "ask" } });

  const patched = await patch({ config: { budget_usd: "7" } });
  const titled = await patch({ title: "T" });
  const execution = execute(client, buy());
  const { data: request } = await client.first("approval_required", execution);
  const budget = await client.first("budget");

  expect([patched.body.policy_version, titled.body.policy_version, request.policy_version]).toEqual([2, 2, 2]);
  expect(request.rule).toBe("tools.buy");
  expect(budget.data).toMatchObject({ limit: "7.00", remaining: "7.00" });
});

test("a refused call names the rule in its result", async () => {
  const { client } = await start({ max_payment_usd: "0.4", tools: { check_balance: "deny" } });

  const dear = await errorOf(client, buy());
  const denied = await errorOf(client, "check_balance");

  expect([dear?.details, denied?.details]).toEqual([{ rule: "max_payment_usd" }, { rule: "tools.check_balance" }]);
});

test("a tool that only reads is not held up by the rules about money", async () => {
  const { client } = await start({ velocity: { payments: 1, per_s: 60 }, payees: { allow: ["nobody"] } });

  expect(await errorOf(client, "look && look")).toBe(undefined);
});
