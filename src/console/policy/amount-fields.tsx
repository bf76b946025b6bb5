import { newId } from "../../protocol/new-id.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Switch } from "../parts/switch.tsx";
import type { PayeeBudgetRow } from "./draft.ts";
import { errorOf, type FieldsProps } from "./fields.ts";
import { Part } from "./part.tsx";

const amounts = [
  ["budget_usd", "Budget of the session, USD"],
  ["daily_budget_usd", "Budget of a day over all sessions, USD"],
  ["approval_threshold_usd", "Ask above, USD"],
  ["max_first_payment_usd", "Ask above, to a new payee, USD"],
  ["max_payment_usd", "Never pay more at once than, USD"],
] as const;

export function AmountFields({ draft, issues, change }: FieldsProps) {
  return (
    <Part
      title="Amounts"
      about="What a budget does not cover is refused, never asked about. A new payee was never paid before."
    >
      <div className="grid items-end gap-3 sm:grid-cols-2">
        {amounts.map(([name, label]) => (
          <Field
            key={name}
            label={label}
            inputMode="decimal"
            value={draft[name]}
            onChange={({ target }) => change({ [name]: target.value })}
            {...errorOf(issues, name)}
          />
        ))}
      </div>
    </Part>
  );
}

export function VelocityFields({ draft, issues, change }: FieldsProps) {
  return (
    <Part title="Many payments" about="A person is asked before the next payment when many were begun in a short time.">
      <Switch
        label="Ask after many payments"
        checked={draft.hasVelocity}
        onChange={(hasVelocity) => change({ hasVelocity })}
      />
      {draft.hasVelocity ? (
        <div className="grid gap-3 sm:grid-cols-2">
          <Field
            label="Payments"
            inputMode="numeric"
            value={draft.velocityPayments}
            onChange={({ target }) => change({ velocityPayments: target.value })}
            {...errorOf(issues, "velocityPayments")}
          />
          <Field
            label="Within seconds"
            inputMode="numeric"
            value={draft.velocitySeconds}
            onChange={({ target }) => change({ velocitySeconds: target.value })}
            {...errorOf(issues, "velocitySeconds")}
          />
        </div>
      ) : null}
    </Part>
  );
}

export function PayeeBudgetFields({ draft, issues, change }: FieldsProps) {
  const { payeeBudgets: rows } = draft;
  const set = (key: string, part: Partial<PayeeBudgetRow>) =>
    change({ payeeBudgets: rows.map((row) => (row.key === key ? { ...row, ...part } : row)) });
  return (
    <Part
      title="Budgets of payees"
      about="What the session may spend on one payee, by name or address, besides its own budget."
    >
      {rows.map(({ key, payee, usd }, index) => (
        <div key={key} className="grid grid-cols-[minmax(0,1fr)_7rem_auto] items-start gap-2">
          <Field
            label={`Payee ${index + 1}`}
            value={payee}
            maxLength={200}
            onChange={({ target }) => set(key, { payee: target.value })}
            {...errorOf(issues, `payeeBudgets.${key}`)}
          />
          <Field
            label={`USD for payee ${index + 1}`}
            inputMode="decimal"
            value={usd}
            onChange={({ target }) => set(key, { usd: target.value })}
          />
          <Button
            className="mt-5"
            aria-label={`Remove the budget of ${payee === "" ? `payee ${index + 1}` : payee}`}
            onClick={() => change({ payeeBudgets: rows.filter((row) => row.key !== key) })}
          >
            Remove
          </Button>
        </div>
      ))}
      <Button
        className="justify-self-start"
        onClick={() => change({ payeeBudgets: [...rows, { key: newId(), payee: "", usd: "" }] })}
      >
        Add a payee
      </Button>
    </Part>
  );
}
