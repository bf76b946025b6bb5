import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SessionConfig } from "../src/protocol/session-config.ts";
import { matchesHost } from "../src/runtime/host-pattern.ts";
import { judge, noFacts } from "../src/runtime/policy.ts";
import { buyTool, newOffer, type Offer, worldWithOffer } from "./support/buy-tool.ts";
import type { FakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const config = {
  approval_threshold_usd: "3",
  max_payment_usd: "4",
  max_first_payment_usd: "1",
  payees: { allow: ["news", "market-data", "good.test", "fine.test"], deny: ["fine.test", "0xBAD"] },
  hosts: { allow: ["127.0.0.1", "*.test", "good.test"], deny: ["evil.good.test"] },
};
const hosts = [
  "good.test",
  "fine.test",
  "evil.good.test",
  "good.test.",
  "GOOD.test",
  "good.test.evil.com",
  "127.0.0.1:9",
];

let server: TestServer;
let world: FakeWorld;
let offer: Offer;

beforeAll(async () => {
  offer = newOffer();
  world = worldWithOffer(offer);
  // On a quick machine a hundred commands take less than a second.
  server = await startTestServer({ model: callingModel(), tools: [buyTool], world, messagesPerSecond: 10_000 });
});

afterAll(() => server.remove());

const word = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom("news", "gold-bar", "premium-report", "market-data"),
);
const url = fc.oneof(
  fc.constantFrom(...hosts).map((host) => `https://${host}/thing`),
  fc.constantFrom("https://good.test@evil.com/", "https://evil.com\\@good.test/", "javascript:0", "//good.test/"),
  fc.webUrl(),
);
const args = fc.oneof(
  { weight: 3, arbitrary: fc.record({ url }) },
  {
    weight: 2,
    arbitrary: fc.record(
      { service: word, max_amount: fc.constantFrom("1", "0.1", "99", "-1") },
      { requiredKeys: ["service"] },
    ),
  },
  { weight: 1, arbitrary: fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }) },
);
const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("buy", "pay_service") },
  { weight: 1, arbitrary: fc.constantFrom("fetch_url", "check_balance", "launch", "__proto__") },
);
const asked = fc.record({
  amount: fc.oneof(fc.integer({ min: 1, max: 6_000_000 }), fc.constantFrom(1_000_000, 1_000_001, 3_000_000, 4_000_001)),
  payTo: fc.constantFrom("0xA1", "0xB2", "0xbad", "0xBAD"),
});
const calls = fc.array(fc.record({ name, args }), { minLength: 1, maxLength: 3 });

/** Whether the session's rules let these terms be signed without anybody being asked. */
function mayBeSigned(terms: { url: string; amount: string; payTo: string }): boolean {
  const host = new URL(terms.url).host.toLowerCase();
  const isCatalogue = host === "127.0.0.1:1";
  const service = new URL(terms.url).pathname.slice(1);
  const isHostAllowed = isCatalogue || (host.endsWith(".test") && host !== "evil.good.test");
  const isPayeeAllowed = isCatalogue ? ["news", "market-data"].includes(service) : host === "good.test";
  return isHostAllowed && isPayeeAllowed && terms.payTo.toLowerCase() !== "0xbad" && BigInt(terms.amount) <= 3_000_000n;
}

test("whatever calls a model makes, nothing is signed that the policy does not allow unasked", async () => {
  const { id } = await server.createSession({ ...config, budget_usd: "100000", daily_budget_usd: "100000" });
  const client = await server.connect(id);
  let signedBefore = 0;

  await fc.assert(
    fc.asyncProperty(calls, asked, async (made, { amount, payTo }) => {
      Object.assign(offer, { amount: String(amount), payTo });
      const isSafe = ({ args: given }: { args: unknown }) => !JSON.stringify(given).includes(" && ");
      const command = made
        .filter(isSafe)
        .map((call) => `${call.name} ${JSON.stringify(call.args)}`)
        .join(" && ");
      if (command === "" || command.length > 4000) return;

      const execution = execute(client, command);
      const end = await client.find(
        ({ type, data, ref }) =>
          (type === "approval_required" || type === "complete" || type === "error") &&
          (("execution_id" in data && data.execution_id === execution) || ref === `execute-${execution}`),
      );
      if (end.type === "approval_required") {
        client.send({ type: "cancel", data: { execution_id: execution } });
        await client.end(execution);
      }

      const signed = [...world.signed.values()].slice(signedBefore);
      signedBefore += signed.length;
      expect(signed.filter((terms) => !mayBeSigned(terms))).toEqual([]);
    }),
    { numRuns: 100, endOnFailure: true },
  );

  Object.assign(offer, { amount: "500000", payTo: "0xA1" });
  await client.end(execute(client, 'buy {"url":"https://good.test/thing"}'));
  expect(world.signed.size).toBe(signedBefore + 1);
}, 120_000);

test("whatever the price and the settings, a payment that is let through unasked is within every cap", () => {
  const usd = fc.integer({ min: 0, max: 100 }).map((value) => `${value}`);
  const lists = fc.record({
    allow: fc.subarray(["one.test", "0xa1", "two.test"]),
    deny: fc.subarray(["one.test", "0xA1", "three.test"]),
  });
  const settings = fc.record({
    approval_threshold_usd: usd,
    max_payment_usd: usd,
    max_first_payment_usd: usd,
    payees: lists,
    tools: fc.dictionary(fc.constant("buy"), fc.constantFrom("allow", "ask", "deny"), { maxKeys: 1 }),
    quorum: fc.array(fc.record({ above_usd: usd, approvals: fc.integer({ min: 1, max: 3 }) }), { maxLength: 2 }),
    velocity: fc.option(fc.record({ payments: fc.integer({ min: 1, max: 3 }), per_s: fc.constant(60) }), { nil: null }),
  });
  const price = fc.record({
    micros: fc.bigInt({ min: 1n, max: 120_000_000n }),
    payee: fc.record({
      payee: fc.constantFrom("one.test", "two.test", "three.test"),
      payTo: fc.constantFrom("0xA1", "0xB2"),
      network: fc.constant("eip155:1"),
    }),
  });
  const facts = fc.record({ isPayeeKnown: fc.boolean(), recentPayments: fc.integer({ min: 0, max: 4 }) });

  fc.assert(
    fc.property(settings, price, facts, (given, cost, known) => {
      const parsed = SessionConfig.parse(given);
      const verdict = judge({ tool: buyTool, price: cost, config: parsed, facts: { ...noFacts, ...known } });
      if (verdict.kind !== "allow") return;
      const cents = (text: string) => BigInt(text) * 1_000_000n;
      const names = [cost.payee.payee, cost.payee.payTo].map((text) => text.toLowerCase());
      const isOn = (list: readonly string[]) => list.some((entry) => names.includes(entry.toLowerCase()));
      expect(cost.micros).toBeLessThanOrEqual(cents(given.approval_threshold_usd));
      expect(cost.micros).toBeLessThanOrEqual(cents(given.max_payment_usd));
      expect(isOn(given.payees.deny)).toBe(false);
      expect(given.payees.allow.length === 0 || isOn(given.payees.allow)).toBe(true);
      expect(known.isPayeeKnown || isOn(given.payees.allow) || cost.micros <= cents(given.max_first_payment_usd)).toBe(
        true,
      );
      expect(given.quorum.some(({ above_usd }) => cost.micros > cents(above_usd))).toBe(false);
      expect(given.velocity === null || known.recentPayments < given.velocity.payments).toBe(true);
      expect(["ask", "deny"]).not.toContain(given.tools.buy);
    }),
    { numRuns: 50_000 },
  );
});

test("a host pattern means that host and no other, however it is spelled", () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,6}$/);
  fc.assert(
    fc.property(label, label, label, (a, b, c) => {
      expect(matchesHost(`${b}.${c}`, `${b.toUpperCase()}.${c}.`)).toBe(true);
      expect(matchesHost(`${b}.${c}`, `${a}.${b}.${c}`)).toBe(false);
      expect(matchesHost(`*.${b}.${c}`, `${a}.${b}.${c}:8443`)).toBe(true);
      expect(matchesHost(`*.${b}.${c}`, `${a}${b}.${c}`)).toBe(false);
      expect(matchesHost(`*.${b}.${c}`, `${b}.${c}`)).toBe(false);
      expect(matchesHost(`${b}.${c}`, `${b}.${c}.${a}`)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});
