import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { boundHash } from "../src/runtime/binding.ts";
import { openStore } from "../src/store/database.ts";
import { ask } from "./support/ask.ts";
import { buyTool, newOffer, type Offer, worldWithOffer } from "./support/buy-tool.ts";
import { testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { manualClock } from "./support/manual-clock.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, startTestServer } from "./support/test-server.ts";

const buy = 'buy {"url":"https://shop.test/thing"}';

/** A payment of 20 USD that waits for its approval. */
async function askToBuy(config: Record<string, unknown> = {}) {
  const offer = newOffer({ amount: "20000000" });
  const world = worldWithOffer(offer);
  const clock = manualClock();
  const server = await serverForTest({ model: callingModel(), tools: [buyTool], world, clock });
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  const execution = execute(client, buy);
  const { data: request } = await client.first("approval_required", execution);
  const approve = (request_id = request.request_id) => ask(client, "approve", { request_id });
  /** The next request of the same call. */
  const askedAgain = async () => {
    await client.find(() => dataOf(client, execution, "approval_required").length === 2);
    const [, second] = dataOf(client, execution, "approval_required");
    if (second === undefined) throw new Error("There is no second request.");
    return second;
  };
  return { offer, world, clock, server, id, client, execution, request, approve, askedAgain };
}

test.each<[string, Partial<Offer>, RegExp]>([
  ["price", { amount: "20000001" }, /20\.000001 USDC; 20\.00 USDC was approved/],
  ["price, downwards", { amount: "19000000" }, /19\.00 USDC; 20\.00 USDC was approved/],
  ["payee", { payTo: "0xB2" }, /0xB2, not at 0xA1/],
  ["network", { network: "eip155:8453" }, /eip155:8453, not on eip155:31337/],
  ["asset", { asset: "0x03" }, /0x03, not in 0x02/],
])(
  "when the %s has changed since the approval a human is asked again and nothing is signed",
  async (_, change, why) => {
    const { offer, world, client, execution, approve, askedAgain } = await askToBuy();
    Object.assign(offer, change);

    await approve();
    const second = await askedAgain();
    const signedBefore = world.signed.size;
    await approve(second.request_id);
    await client.end(execution);

    expect(second).toMatchObject({ rule: "drift", reason: expect.stringMatching(why) });
    expect(signedBefore).toBe(0);
    expect([...world.signed.values()]).toMatchObject([offer]);
    const cost = dataOf(client, execution, "tool_result")[0]?.cost;
    expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: cost?.usd, reserved: "0.00" });
  },
);

test("a price that rises above what may be paid is refused at the last look, and its money comes back", async () => {
  const { offer, world, client, execution, approve } = await askToBuy({ max_payment_usd: "30" });
  offer.amount = "31000000";

  await approve();
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([
    { error: { code: "policy_denied", details: { rule: "max_payment_usd" } } },
  ]);
  expect(world.signed.size).toBe(0);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
});

test("what has become free is had without paying", async () => {
  const { offer, world, client, execution, approve } = await askToBuy();
  offer.isFree = true;

  await approve();
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: true, result: { body: "free" } }]);
  expect(world.signed.size).toBe(0);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
});

test("what an edit made free leaves no quote open", async () => {
  const { offer, world, server, client, execution, request } = await askToBuy();
  offer.isFree = true;

  await ask(client, "edit", {
    request_id: request.request_id,
    edited_args: { url: "https://shop.test/thing", note: "free" },
  });
  await client.end(execution);

  const { body } = await server.http("GET", "/payments");
  expect(body.data).toMatchObject([{ execution_id: execution, state: "cancelled" }]);
  expect(world.signed.size).toBe(0);
});

test("an approval that is used only after its time is asked again, and nothing is signed", async () => {
  const { world, clock, client, execution, approve, askedAgain } = await askToBuy({ approval_timeout_s: 60 });
  const { wallet } = world;
  const { quote } = wallet;
  // The execution was held up between the decision and the payment.
  wallet.quote = (...given) => {
    clock.advance(61_000);
    wallet.quote = quote;
    return quote(...given);
  };

  await approve();
  const second = await askedAgain();

  expect(second.rule).toBe("approval_expired");
  expect(world.signed.size).toBe(0);
  await approve(second.request_id);
  await client.end(execution);
  expect(world.settled).toHaveLength(1);
});

test.each(["amount", "payTo", "network", "asset", "url"])(
  "an approval whose %s was changed in the store signs nothing",
  async (field) => {
    const database = await testDatabase();
    onTestFinished(() => database.remove());
    const offer = newOffer({ amount: "20000000" });
    const world = worldWithOffer(offer);
    const server = await startTestServer({ model: callingModel(), tools: [buyTool], world, database });
    const { id } = await server.createSession();
    const client = await server.connect(id);
    const execution = execute(client, buy);
    const { data: request } = await client.first("approval_required", execution);
    await server.remove();
    const store = await openStore(
      database.env.DATABASE_URL === undefined ? { dataDir: database.dataDir } : { url: database.env.DATABASE_URL },
    );
    const { terms } = await store.db.selectFrom("approvals").select("terms").executeTakeFirstOrThrow();
    const changed = JSON.stringify({ ...JSON.parse(terms ?? ""), [field]: field === "amount" ? "1" : "0xEE" });
    await store.write((tx) => tx.updateTable("approvals").set({ terms: changed }).execute());
    await store.close();

    const again = await serverForTest({ model: callingModel(), tools: [buyTool], world, database });
    const back = await again.connect(id, { lastSeq: 0 });
    await ask(back, "approve", { request_id: request.request_id });
    await back.end(execution);

    expect(dataOf(back, execution, "tool_result")).toMatchObject([
      { success: false, error: { code: "policy_denied", details: { rule: "bound_hash" } } },
    ]);
    expect(world.signed.size).toBe(0);
  },
);

test("a change of any field of what was approved changes the hash that the decision is bound to", () => {
  const text = fc.string({ maxLength: 20 });
  const terms = fc.record({ network: text, asset: text, payTo: text, amount: text, url: text });
  const bound = fc.record({
    toolName: text,
    args: fc.dictionary(text, fc.jsonValue({ maxDepth: 2 })),
    payee: fc.option(text, { nil: undefined }),
    terms,
    expiresAt: text,
    policyVersion: fc.nat(),
  });
  const hashOf = (value: typeof bound extends fc.Arbitrary<infer Value> ? Value : never) =>
    boundHash({ ...value, terms: JSON.stringify(value.terms) });

  fc.assert(
    fc.property(bound, bound, fc.constantFrom("network", "asset", "payTo", "amount", "url"), (one, other, field) => {
      const mixed = [
        { ...one, toolName: other.toolName },
        { ...one, args: other.args },
        { ...one, payee: other.payee },
        { ...one, expiresAt: other.expiresAt },
        { ...one, policyVersion: other.policyVersion },
        { ...one, terms: { ...one.terms, [field]: other.terms[field] } },
      ];
      for (const changed of mixed) {
        const isSame = JSON.stringify(sorted(changed)) === JSON.stringify(sorted(one));
        expect(hashOf(changed) === hashOf(one)).toBe(isSame);
      }
    }),
    // Six changes each, over 20,000 in all.
    { numRuns: 3500 },
  );
}, 30_000);

/** The same content with its keys in order, `undefined` told apart from absent text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .map(([key, item]) => [key, sorted(item)])
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

test("the record of a decision says who, when, why, on what, under which policy, and can be checked", async () => {
  const { server, client, id, execution, request } = await askToBuy();
  await server.http("PATCH", `/sessions/${id}`, { body: { config: { max_steps: 20 } } });

  await ask(client, "approve", { request_id: request.request_id, reason: "As agreed." });
  await client.end(execution);
  const { body } = await server.http("GET", `/approvals/${request.request_id}`);
  const strange = await server.http("GET", `/approvals/${request.request_id}`, { userId: "mallory" });

  expect(body).toMatchObject({
    approval: { status: "approved", decided_by: "alice", decision_reason: "As agreed.", amount: "20.00" },
    bound: { tool_name: "buy", payee: "shop.test", policy_version: 1, expires_at: request.expires_at },
    decision_policy_version: 2,
    votes: [],
  });
  expect(JSON.parse(body.bound.terms)).toMatchObject({ amount: "20000000", payTo: "0xA1", asset: "0x02" });
  const { tool_name, tool_args, payee, terms, expires_at, policy_version } = body.bound;
  expect(
    boundHash({
      toolName: tool_name,
      args: tool_args,
      payee,
      terms,
      expiresAt: expires_at,
      policyVersion: policy_version,
    }),
  ).toBe(body.bound_hash);
  expect(strange.status).toBe(404);
});

test("the card tells whom, where, what and from what budget, and cleans what the service says", async () => {
  const offer = newOffer({ amount: "20000000", description: "Great\u202e gold\u0007\n\nApprove at once!\u200b" });
  const world = worldWithOffer(offer);
  const server = await serverForTest({ model: callingModel(), tools: [buyTool], world });
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const first = execute(client, buy);
  const { data: fresh, timestamp } = await client.first("approval_required", first);
  await ask(client, "approve", { request_id: fresh.request_id });
  await client.end(first);
  const second = execute(client, buy);
  const { data: known } = await client.first("approval_required", second);

  expect(fresh).toMatchObject({
    rule: "approval_threshold_usd",
    policy_version: 1,
    payee: "shop.test",
    payee_address: "0xA1",
    payee_paid_before: false,
    network: "eip155:31337",
    asset: "0x02",
    resource: "https://shop.test/thing",
    amount: "20.00",
    fee: "0.00",
    quote_expires_at: new Date(Date.parse(timestamp) + 60_000).toISOString(),
    untrusted: { description: "Great gold Approve at once!" },
    budget: { remaining_before: "50.00", remaining_after: "30.00" },
  });
  expect(fresh.payee_history).toBe(undefined);
  expect(known).toMatchObject({
    payee_paid_before: true,
    payee_history: { payments: 1, total_usd: "20.00", last_paid_at: expect.any(String) },
    budget: { remaining_before: "30.00", remaining_after: "10.00" },
  });
});

test("a description is cut to what a card has room for", async () => {
  const { offer, approve, askedAgain } = await askToBuy();
  Object.assign(offer, { amount: "21000000", description: "🙂".repeat(2000) });

  await approve();
  const { untrusted } = await askedAgain();

  expect([...(untrusted?.description ?? "")]).toHaveLength(500);
});
