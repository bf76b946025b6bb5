import type { BudgetDraw, Simulation } from "../../protocol/simulation.ts";
import { type Column, Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";

const outcomes = {
  allow: ["It would run unasked", "text-good"],
  ask: ["A person would be asked", "text-warn"],
  deny: ["It would be denied", "text-bad"],
} as const satisfies Record<Simulation["outcome"], readonly [string, string]>;

const budgets = {
  session: "of the session",
  daily: "of the day",
  payee: "of the payee",
} as const satisfies Record<BudgetDraw["budget"], string>;

const columns: readonly Column<BudgetDraw>[] = [
  { name: "Budget", cell: ({ budget }) => budgets[budget] },
  { name: "Limit", isFigure: true, cell: ({ limit }) => `${limit} USD` },
  { name: "Left now", isFigure: true, cell: ({ before }) => `${before} USD` },
  {
    name: "Left after it",
    isFigure: true,
    cell: ({ after }) =>
      after === undefined ? <span className="font-medium text-bad">does not suffice</span> : `${after} USD`,
  },
];

/** What a call would meet: the verdict, the rule it comes from, and what would be left in each budget. */
export function Verdict({ found }: { readonly found: Simulation }) {
  const { outcome, rule, reason, estimated_cost, payee, approvals_needed, policy_version, spend_rule_id } = found;
  const [sentence, color] = outcomes[outcome];
  return (
    <section aria-label="Verdict" className="rounded-lg border border-line bg-panel p-4">
      <p role="status" className={`font-semibold text-base ${color}`}>
        {sentence}
      </p>
      {reason === undefined ? null : <p className="mt-1">{plainText(reason)}</p>}
      <dl className="mt-3 mb-4 grid grid-cols-[8rem_1fr] gap-x-4 gap-y-0.5">
        {rule === undefined ? null : (
          <Fact name="Rule">
            <code className="font-mono">{plainText(rule)}</code>
          </Fact>
        )}
        <Fact name="Cost">{estimated_cost} USD</Fact>
        {payee === undefined ? null : <Fact name="Payee">{plainText(payee)}</Fact>}
        {outcome === "ask" ? <Fact name="Approvals needed">{approvals_needed}</Fact> : null}
        {spend_rule_id === undefined ? null : <Fact name="Allowed by">a rule that an approval left behind</Fact>}
        <Fact name="Policy version">{policy_version}</Fact>
      </dl>
      {found.budgets.length === 0 ? null : (
        <Table
          label="Budgets"
          columns={columns}
          rows={found.budgets}
          keyOf={({ budget, limit }) => `${budget} ${limit}`}
        />
      )}
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div className="contents">
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  );
}
