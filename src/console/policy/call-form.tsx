import { lazy, Suspense, useState } from "react";
import { Usd } from "../../protocol/money.ts";
import type { ToolInfo } from "../../protocol/resources.ts";
import type { Simulate } from "../../protocol/simulation.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";

const SchemaForm = lazy(async () => ({ default: (await import("../parts/schema-form.tsx")).SchemaForm }));

/** A call of a tool that is not made. */
export type Call = Omit<Simulate, "session_id">;

/** Asks for the call that is to be judged. */
export function CallForm({
  tools,
  isAsking,
  onToolChange,
  onSimulate,
}: {
  readonly tools: readonly ToolInfo[];
  readonly isAsking: boolean;
  readonly onToolChange: () => void;
  readonly onSimulate: (call: Call) => void;
}) {
  const [toolName, setToolName] = useState(
    tools.find(({ effect }) => effect === "payment")?.name ?? tools[0]?.name ?? "",
  );
  const [args, setArgs] = useState<Call["tool_args"]>({});
  const [amount, setAmount] = useState("");
  const [payee, setPayee] = useState("");
  const tool = tools.find(({ name }) => name === toolName);
  const amountIssue = amount === "" ? undefined : Usd.safeParse(amount.trim()).error?.issues[0]?.message;
  const call: Call = {
    tool_name: toolName,
    tool_args: args,
    ...(amount.trim() === "" ? {} : { amount: amount.trim() }),
    ...(payee.trim() === "" ? {} : { payee: payee.trim() }),
  };
  return (
    <form
      aria-label="Call"
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAsking && amountIssue === undefined) onSimulate(call);
      }}
    >
      <p className="text-soft">
        Tells what a call would meet under the policy that is saved. It pays nothing, sets nothing aside and asks
        nobody.
      </p>
      <Select
        label="Tool"
        value={toolName}
        options={tools.map(({ name }) => [name, plainText(name)])}
        onChange={({ target }) => {
          setToolName(target.value);
          setArgs({});
          onToolChange();
        }}
      />
      {tool === undefined ? null : (
        <Suspense fallback={<p className="text-soft">Loading the form…</p>}>
          <SchemaForm
            key={toolName}
            schema={tool.args_schema}
            args={args}
            idPrefix="simulate"
            onChange={(changed) => setArgs({ ...changed })}
          />
        </Suspense>
      )}
      <div className="grid items-start gap-3 sm:grid-cols-2">
        <AmountField amount={amount} issue={amountIssue} onChange={setAmount} />
        <PayeeField payee={payee} onChange={setPayee} />
      </div>
      <Button
        look="primary"
        type="submit"
        className="justify-self-start"
        disabled={isAsking || amountIssue !== undefined || tool === undefined}
      >
        Simulate
      </Button>
    </form>
  );
}

function AmountField({
  amount,
  issue,
  onChange,
}: {
  readonly amount: string;
  readonly issue: string | undefined;
  readonly onChange: (amount: string) => void;
}) {
  return (
    <Field
      label="Amount, USD"
      hint="Without one the service is asked for its price."
      inputMode="decimal"
      value={amount}
      onChange={({ target }) => onChange(target.value)}
      {...(issue === undefined ? {} : { error: `An amount ${issue}.` })}
    />
  );
}

function PayeeField({ payee, onChange }: { readonly payee: string; readonly onChange: (payee: string) => void }) {
  return (
    <Field
      label="Payee"
      hint="Without one it is whom the arguments name."
      maxLength={200}
      value={payee}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}
