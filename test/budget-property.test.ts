import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatUsd } from "../src/protocol/money.ts";
import { SessionConfig } from "../src/protocol/session-config.ts";
import { admit } from "../src/runtime/admit.ts";
import { release, reserve, settle } from "../src/runtime/budget.ts";
import { reserveForModel, settleForgotten, settleForModel } from "../src/runtime/model-budget.ts";
import { mostOf } from "../src/runtime/model-price.ts";
import type { QuotedPurchase } from "../src/runtime/quoted-purchase.ts";
import { openStore, type Store } from "../src/store/database.ts";
import { genesisHash } from "../src/store/event-log.ts";
import { newExecution } from "../src/store/executions.ts";
import { insertSession } from "../src/store/sessions.ts";
import { insertSpendRule } from "../src/store/spend-rules.ts";
import { findSpend } from "../src/store/spends.ts";
import { commitUnit, type Unit } from "../src/store/unit.ts";
import { buyTool } from "./support/buy-tool.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";

const at = "2026-11-24T12:00:00.000Z";
const payees = ["one.test", "two.test", "three.test"];
let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await testDatabase();
  const url = database.env.DATABASE_URL;
  store = await openStore(url === undefined ? { dataDir: database.dataDir } : { url });
});

afterAll(async () => {
  await store.close();
  await database.remove();
});

interface Place {
  readonly sessionId: string;
  readonly executionId: string;
}

async function newSession(userId: string, config: Record<string, unknown>): Promise<string> {
  const id = randomUUID();
  const session = { id, userId, title: undefined, headHash: genesisHash(id), at };
  await store.write((tx) => insertSession(tx, { ...session, config: SessionConfig.parse(config) }));
  return id;
}

async function addExecution(sessionId: string, userId: string, budgetLimitMicros: bigint | undefined): Promise<Place> {
  const executionId = randomUUID();
  await commitUnit(store, { sessionId, at }, async (unit) => {
    const made = { id: executionId, sessionId, userId, command: "x", plan: undefined, requestHash: executionId };
    unit.create(newExecution({ ...made, budgetLimitMicros, createdAt: at, firstSeq: unit.nextSeq }));
    const started = { command: "x", budget_limit_usd: null, queued: false, by: userId };
    unit.append("execution_started", started);
  });
  return { sessionId, executionId };
}

function quoteOf(payee: string, micros: bigint): QuotedPurchase {
  const url = `https://${payee}/thing`;
  const amount = String(micros);
  const asked = { url, network: "eip155:1", asset: "0x02", currency: "USDC", decimals: 6, payTo: `0x-${payee}` };
  return {
    purchase: { url, payee },
    terms: { ...asked, amount, usdMicros: amount, maxTimeoutSeconds: 60, requirements: "{}" },
  };
}

type Op =
  | {
      readonly kind: "admit" | "edit";
      readonly place: number;
      readonly call: number;
      readonly payee: number;
      readonly micros: number;
    }
  | { readonly kind: "settle" | "release" | "forget"; readonly place: number; readonly call: number }
  /** A model is asked, and has answered; `micros` is what that cost, or undefined where nobody knows. */
  | { readonly kind: "think"; readonly place: number; readonly call: number; readonly bytes: number }
  | { readonly kind: "thought"; readonly place: number; readonly call: number; readonly cost: number | undefined };

const index = (count: number) => fc.integer({ min: 0, max: count - 1 });
const call = index(4);
const place = index(4);
const micros = fc.integer({ min: 1, max: 4_000_000 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("admit" as const), place, call, payee: index(3), micros }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("edit" as const), place, call, payee: index(3), micros }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("settle" as const), place, call }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("release" as const), place, call }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("think" as const), place, call, bytes: fc.nat(900_000) }) },
  {
    weight: 3,
    // More than a request can have cost is what a provider says that does not keep to the bounds.
    arbitrary: fc.record({
      kind: fc.constant("thought" as const),
      place,
      call,
      cost: fc.option(fc.nat(5_000_000), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), place, call }) },
);

const price = {
  inputMicros: 3_000_000n,
  cachedInputMicros: 300_000n,
  outputMicros: 15_000_000n,
  maxOutputTokens: 100_000,
};

async function carryOut(unit: Unit, op: Op, toolId: string): Promise<void> {
  const isOfModel = op.kind === "think" || op.kind === "thought";
  const key = { executionId: unit.execution.id, toolId: isOfModel ? `model-${toolId}` : toolId };
  const spend = await findSpend(unit.tx, key);
  switch (op.kind) {
    case "admit": {
      if (spend !== undefined) return;
      const quote = quoteOf(payees[op.payee] ?? "", BigInt(op.micros));
      await admit(unit, { toolId, tool: buyTool, args: { url: quote.terms.url }, subagentId: undefined }, quote);
      return;
    }
    case "edit": {
      if (spend?.status !== "reserved") return;
      const payee = payees[op.payee] ?? "";
      const to = { payee, payTo: `0x-${payee}`, network: "eip155:1" };
      await reserve(unit, key, { micros: BigInt(op.micros), payee: to });
      return;
    }
    case "settle":
      return settle(unit, key);
    case "release":
      await release(unit, key);
      return;
    case "think": {
      if (spend !== undefined) return;
      const given = await reserveForModel(unit, key, { price, inputBytes: op.bytes });
      if (typeof given === "number") expect(given).toBeGreaterThanOrEqual(256);
      return;
    }
    case "thought":
      await settleForModel(unit, key, op.cost === undefined ? undefined : BigInt(op.cost));
      return;
    case "forget":
      await settleForgotten(unit);
  }
}

const sum = (values: readonly (number | bigint)[]) =>
  values.reduce<bigint>((total, value) => total + BigInt(value), 0n);

/** What every budget stands at, from the spends alone, and what is kept beside them. */
async function books(userId: string) {
  const spends = await store.db.selectFrom("spends").selectAll().where("user_id", "=", userId).execute();
  const sessions = await store.db.selectFrom("sessions").selectAll().where("user_id", "=", userId).execute();
  const executions = await store.db.selectFrom("executions").selectAll().where("user_id", "=", userId).execute();
  const rules = await store.db.selectFrom("spend_rules").selectAll().where("user_id", "=", userId).execute();
  const day = await store.db.selectFrom("user_days").selectAll().where("user_id", "=", userId).executeTakeFirst();
  const drawn = (matches: (spend: (typeof spends)[number]) => boolean) =>
    sum(spends.filter((spend) => spend.status !== "released" && matches(spend)).map((spend) => spend.micros));
  return { sessions, executions, rules, day: BigInt(day?.micros ?? 0), drawn };
}

async function checkBooks(userId: string): Promise<void> {
  const { sessions, executions, rules, day, drawn } = await books(userId);
  const held = (row: { spent_micros: number | bigint; reserved_micros: number | bigint }) =>
    BigInt(row.spent_micros) + BigInt(row.reserved_micros);
  for (const session of sessions) {
    const ofSession = drawn(({ session_id }) => session_id === session.id);
    expect(held(session)).toBe(ofSession);
    expect(ofSession).toBeLessThanOrEqual(10_000_000n);
    const ofPayee = drawn((spend) => spend.session_id === session.id && spend.payee === "one.test");
    expect(ofPayee).toBeLessThanOrEqual(3_000_000n);
    const ofAddress = drawn((spend) => spend.session_id === session.id && spend.pay_to === "0x-two.test");
    expect(ofAddress).toBeLessThanOrEqual(5_000_000n);
  }
  for (const execution of executions) {
    const ofExecution = drawn(({ execution_id }) => execution_id === execution.id);
    expect(held(execution)).toBe(ofExecution);
    expect(ofExecution).toBeLessThanOrEqual(BigInt(execution.budget_limit_micros ?? 10_000_000));
  }
  for (const rule of rules) {
    expect(BigInt(rule.used_micros)).toBe(drawn(({ rule_id }) => rule_id === rule.id));
    expect(BigInt(rule.used_micros)).toBeLessThanOrEqual(2_500_000n);
  }
  expect(day).toBe(drawn(() => true));
  expect(day).toBeLessThanOrEqual(15_000_000n);
}

test("in every interleaving settled and reserved stay within every budget, and the books agree", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(op, { minLength: 1, maxLength: 8 }), { maxLength: 8 }), async (batches) => {
      const userId = randomUUID();
      const places: Place[] = [];
      for (const limit of [undefined, 6_000_000n]) {
        const sessionId = await newSession(userId, {
          budget_usd: "10",
          daily_budget_usd: "15",
          payee_budgets_usd: { "ONE.test": "3", "0x-two.test": "5" },
          max_first_payment_usd: "2",
        });
        const rule = { id: randomUUID(), sessionId, userId, toolName: "buy", payee: undefined };
        const caps = { maxMicros: 2_000_000n, totalMicros: 2_500_000n, expiresAt: undefined, createdAt: at };
        await store.write((tx) => insertSpendRule(tx, { ...rule, ...caps }));
        places.push(await addExecution(sessionId, userId, limit), await addExecution(sessionId, userId, 4_000_000n));
      }
      const ids = new Map<string, string>();
      const toolIdOf = (name: string) => ids.get(name) ?? ids.set(name, randomUUID()).get(name) ?? "";

      for (const batch of batches) {
        await Promise.all(
          batch.map((one) => {
            const where = places[one.place];
            if (where === undefined) throw new Error("There are four places.");
            const toolId = toolIdOf(`${one.place}/${one.call}`);
            return commitUnit(store, { ...where, at }, (unit) => carryOut(unit, one, toolId));
          }),
        );
        await checkBooks(userId);
      }
    }),
    { numRuns: 100, endOnFailure: true },
  );
}, 120_000);

test("of 64 that want the last unit of a budget at once, one gets it", async () => {
  const userId = randomUUID();
  const one = await newSession(userId, { budget_usd: "0.000001" });
  const ofSession = await addExecution(one, userId, undefined);
  const other = await newSession(userId, { payee_budgets_usd: { "one.test": "0.000001" } });
  const ofPayee = await addExecution(other, userId, undefined);
  const third = await newSession(userId, {});
  const ofExecution = await addExecution(third, userId, 1n);
  const busy = randomUUID();
  const ofDay = await Promise.all(
    Array.from({ length: 64 }, async () =>
      addExecution(await newSession(busy, { daily_budget_usd: "0.000001" }), busy, undefined),
    ),
  );
  const race = (places: readonly Place[]) =>
    Promise.all(
      places.map((where) =>
        commitUnit(store, { ...where, at }, (unit) => {
          const quote = quoteOf("one.test", 1n);
          const args = { url: quote.terms.url };
          return admit(unit, { toolId: randomUUID(), tool: buyTool, args, subagentId: undefined }, quote);
        }),
      ),
    );
  const wins = async (places: readonly Place[]) =>
    (await race(places)).filter((committed) => committed?.value.kind === "allowed").length;

  expect([
    await wins(Array.from({ length: 64 }, () => ofSession)),
    await wins(Array.from({ length: 64 }, () => ofPayee)),
    await wins(Array.from({ length: 64 }, () => ofExecution)),
    await wins(ofDay),
  ]).toEqual([1, 1, 1, 1]);
}, 60_000);

test("of 64 models that are asked at once on what is enough for ten, no more are asked than it covers", async () => {
  const userId = randomUUID();
  const inputBytes = 10_000;
  const least = mostOf(price, inputBytes, 256);
  const limit = formatUsd(10n * least);
  const one = await addExecution(await newSession(userId, { budget_usd: limit }), userId, undefined);
  const busy = randomUUID();
  const many = await Promise.all(
    Array.from({ length: 64 }, async () =>
      addExecution(await newSession(busy, { daily_budget_usd: limit }), busy, undefined),
    ),
  );
  const ask = (places: readonly Place[]) =>
    Promise.all(
      places.map(async (where) => {
        const key = { executionId: where.executionId, toolId: randomUUID() };
        const short = { ...price, maxOutputTokens: 256 };
        const unit = await commitUnit(store, { ...where, at }, (unit) =>
          reserveForModel(unit, key, { price: short, inputBytes }),
        );
        return unit?.value;
      }),
    );

  const ofSession = await ask(Array.from({ length: 64 }, () => one));
  const ofDay = await ask(many);

  expect(ofSession.filter((given) => given === 256)).toHaveLength(10);
  expect(ofDay.filter((given) => given === 256)).toHaveLength(10);
  expect((await books(userId)).day).toBe(10n * least);
  expect((await books(busy)).day).toBe(10n * least);
}, 60_000);
