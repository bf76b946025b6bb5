import { type FormEvent, useId, useState } from "react";
import { PaymentState } from "../../protocol/payment-info.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";
import type { PaymentWishes } from "./payment-filter.ts";

/** What the list is limited to. Choices hold at once, what is written when it is left. */
export function PaymentFilters({
  wishes,
  sessions,
  payees,
  onChange,
}: {
  readonly wishes: PaymentWishes;
  readonly sessions: readonly (readonly [id: string, name: string])[];
  readonly payees: readonly string[];
  readonly onChange: (wishes: PaymentWishes) => void;
}) {
  const [payee, setPayee] = useState(wishes.payee);
  const list = useId();
  const change = (part: Partial<PaymentWishes>) => onChange({ ...wishes, payee, ...part });
  const isUnlisted = wishes.session !== "" && !sessions.some(([id]) => id === wishes.session);
  const isFiltered = Object.values(wishes).some((wish) => wish !== "");
  return (
    <form
      aria-label="Filter"
      className="mb-4 grid items-end gap-3 sm:grid-cols-2 lg:grid-cols-[1fr_9rem_1fr_9.5rem_9.5rem]"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        change({});
      }}
    >
      <Select
        label="Session"
        value={wishes.session}
        onChange={({ target }) => change({ session: target.value })}
        options={[
          ["", "all"],
          ...(isUnlisted ? [[wishes.session, wishes.session.slice(0, 8)] as const] : []),
          ...sessions,
        ]}
      />
      <Select
        label="State"
        value={wishes.state}
        onChange={({ target }) => change({ state: target.value })}
        options={[["", "any"], ...PaymentState.options.map((state) => [state, state] as const)]}
      />
      <div>
        <Field
          label="Payee"
          placeholder="a name or an address, in full"
          list={list}
          maxLength={200}
          value={payee}
          onChange={({ target }) => {
            setPayee(target.value);
            if (target.value === "" || payees.includes(target.value)) change({ payee: target.value });
          }}
          onBlur={() => payee !== wishes.payee && change({})}
        />
        <datalist id={list}>
          {payees.map((name) => (
            <option key={name} value={name}>
              {plainText(name)}
            </option>
          ))}
        </datalist>
      </div>
      <Field label="From" type="date" value={wishes.from} onChange={({ target }) => change({ from: target.value })} />
      <Field label="To" type="date" value={wishes.to} onChange={({ target }) => change({ to: target.value })} />
      {isFiltered ? (
        <Button
          className="justify-self-start"
          onClick={() => {
            setPayee("");
            onChange({ session: "", state: "", payee: "", from: "", to: "" });
          }}
        >
          Show all
        </Button>
      ) : null}
    </form>
  );
}
