import fc from "fast-check";
import { expect, test } from "vitest";
import { SessionConfig } from "../../protocol/session-config.ts";
import { changesOf, patchOf } from "./changes.ts";
import { draftOf, readDraft } from "./draft.ts";

const usd = fc.bigInt({ min: 0n, max: 1_000_000_000n }).map(String);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
const right = fc.constantFrom("allow", "ask", "deny");
const lists = fc.record({ allow: fc.array(name, { maxLength: 3 }), deny: fc.array(name, { maxLength: 3 }) });
const anyConfig = fc
  .record({
    budget_usd: usd,
    daily_budget_usd: usd,
    payee_budgets_usd: fc.dictionary(name, usd, { maxKeys: 3 }),
    approval_threshold_usd: usd,
    max_payment_usd: usd,
    max_first_payment_usd: usd,
    velocity: fc.option(
      fc.record({ payments: fc.integer({ min: 1, max: 1000 }), per_s: fc.integer({ min: 1, max: 86_400 }) }),
    ),
    approval_timeout_s: fc.integer({ min: 1, max: 2_592_000 }),
    execution_timeout_s: fc.integer({ min: 1, max: 86_400 }),
    max_steps: fc.integer({ min: 1, max: 256 }),
    if_busy: fc.constantFrom("queue", "reject"),
    tools: fc.dictionary(name, right, { maxKeys: 3 }),
    payees: lists,
    hosts: lists,
    approvers: fc.array(name, { maxLength: 3 }),
    quorum: fc.array(fc.record({ above_usd: usd, approvals: fc.integer({ min: 1, max: 20 }) }), { maxLength: 3 }),
  })
  .map((config) => SessionConfig.parse(config));

const standard = SessionConfig.parse({});

/** What is wrong with the standard settings once some fields of the form are other ones. */
function issuesOf(change: Partial<ReturnType<typeof draftOf>>) {
  return Object.fromEntries(readDraft({ ...draftOf(standard), ...change }).issues);
}

test("settings go into the form and come out as they were, and the difference to others is exactly what is sent", () => {
  fc.assert(
    fc.property(anyConfig, anyConfig, (one, other) => {
      expect(readDraft(draftOf(one)).config).toEqual(one);
      expect(changesOf(one, one)).toEqual([]);
      const changes = changesOf(one, other);
      expect({ ...one, ...patchOf(other, changes) }).toEqual(other);
      for (const { removed, added } of changes) expect(removed.length + added.length).toBeGreaterThan(0);
    }),
    { numRuns: 200 },
  );
});

test("what is wrong is told at its field, in the schema's words", () => {
  expect(issuesOf({ budget_usd: "ten" })).toEqual({ budget_usd: 'Must be a decimal string such as "0.10".' });
  expect(issuesOf({ max_steps: "many" })).toEqual({ max_steps: "Must be a whole number." });
  expect(issuesOf({ max_steps: "0" }).max_steps).toContain(">=1");
  expect(issuesOf({ hostsAllow: "example.com\nnot a host" }).hostsAllow).toMatch(/^Line 2: Must be a host such as/);
  expect(issuesOf({ hasVelocity: true, velocityPayments: "" })).toEqual({
    velocityPayments: "Must be a whole number.",
  });
  expect(issuesOf({ quorum: [{ key: "q", above: "1", approvals: "21" }] })["quorum.q"]).toContain("<=20");
  expect(issuesOf({ payeeBudgets: [{ key: "p", payee: "news", usd: "-1" }] })["payeeBudgets.p"]).toContain("decimal");
});

test("a payee that stands twice, or has no name, is told at its line", () => {
  const rows = [
    { key: "1", payee: "news", usd: "1" },
    { key: "2", payee: "News ", usd: "2" },
    { key: "3", payee: " ", usd: "2" },
  ];

  expect(issuesOf({ payeeBudgets: rows })).toEqual({
    "payeeBudgets.2": "News stands here twice.",
    "payeeBudgets.3": "Name the payee, or remove the line.",
  });
});

test("a change is told by what no longer holds and what does instead", () => {
  const after = SessionConfig.parse({
    approval_threshold_usd: "20",
    tools: { transfer: "deny" },
    velocity: { payments: 5, per_s: 60 },
    approvers: ["bob", "carol"],
  });

  expect(changesOf({ ...standard, approvers: ["bob"] }, after)).toEqual([
    { setting: "approval_threshold_usd", removed: ["10 USD"], added: ["20 USD"] },
    { setting: "velocity", removed: ["never"], added: ["5 within 60 s"] },
    { setting: "tools", removed: [], added: ["transfer: deny"] },
    { setting: "approvers", removed: [], added: ["carol"] },
  ]);
});
