import { lazy, Suspense, useState } from "react";
import { Usd } from "../../protocol/money.ts";
import type { Session, ToolInfo } from "../../protocol/resources.ts";
import type { Simulation } from "../../protocol/simulation.ts";
import { usePaygent } from "../../react/index.ts";
import { messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";
import { Verdict } from "./verdict.tsx";

const SchemaForm = lazy(async () => ({ default: (await import("../parts/schema-form.tsx")).SchemaForm }));

type Args = Record<string, unknown>;

/** What a call would meet now, under the policy that is saved. Nothing is paid, set aside or asked. */
export function Simulate({ session, tools }: { readonly session: Session; readonly tools: readonly ToolInfo[] }) {
  const client = usePaygent();
  const [toolName, setToolName] = useState(
    tools.find(({ effect }) => effect === "payment")?.name ?? tools[0]?.name ?? "",
  );
  const [args, setArgs] = useState<Args>({});
  const [amount, setAmount] = useState("");
  const [payee, setPayee] = useState("");
  const [isAsking, setIsAsking] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [found, setFound] = useState<Simulation>();
  const tool = tools.find(({ name }) => name === toolName);
  const amountIssue = amount === "" ? undefined : Usd.safeParse(amount.trim()).error?.issues[0]?.message;

  const simulate = async () => {
    setIsAsking(true);
    setFailure(undefined);
    setFound(undefined);
    try {
      setFound(
        await client.policy.simulate({
          session_id: session.id,
          tool_name: toolName,
          tool_args: args,
          ...(amount.trim() === "" ? {} : { amount: amount.trim() }),
          ...(payee.trim() === "" ? {} : { payee: payee.trim() }),
        }),
      );
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setIsAsking(false);
    }
  };
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <form
        aria-label="Call"
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isAsking && amountIssue === undefined) void simulate();
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
            setFound(undefined);
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
          <Field
            label="Amount, USD"
            hint="Without one the service is asked for its price."
            inputMode="decimal"
            value={amount}
            onChange={({ target }) => setAmount(target.value)}
            {...(amountIssue === undefined ? {} : { error: `An amount ${amountIssue}.` })}
          />
          <Field
            label="Payee"
            hint="Without one it is whom the arguments name."
            maxLength={200}
            value={payee}
            onChange={({ target }) => setPayee(target.value)}
          />
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
      <div className="grid gap-3">
        {isAsking ? (
          <p role="status" className="text-soft">
            Judging…
          </p>
        ) : null}
        {failure === undefined ? null : <Notice look="bad">{plainText(failure)}</Notice>}
        {found === undefined ? null : <Verdict found={found} />}
      </div>
    </div>
  );
}
