import { useState } from "react";
import type { Statement, StatementTotal } from "../../protocol/payment-info.ts";
import { statementCsv } from "../../protocol/statement-csv.ts";
import { usePaygent } from "../../react/index.ts";
import { messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";
import { download } from "./download.ts";
import { type PaymentWishes, periodOf, startOf } from "./payment-filter.ts";

/** What a session paid in a period, as a file for a spreadsheet or a program. */
export function StatementDialog({
  sessions,
  wishes,
  onClose,
}: {
  readonly sessions: readonly (readonly [id: string, name: string])[];
  readonly wishes: PaymentWishes;
  readonly onClose: () => void;
}) {
  const client = usePaygent();
  const [session, setSession] = useState(wishes.session || sessions[0]?.[0] || "");
  const [from, setFrom] = useState(wishes.from);
  const [to, setTo] = useState(wishes.to);
  const [made, setMade] = useState<Statement>();
  const [failure, setFailure] = useState<string>();
  const [isMaking, setIsMaking] = useState(false);
  const choices =
    session === "" || sessions.some(([id]) => id === session)
      ? sessions
      : [[session, session.slice(0, 8)] as const, ...sessions];

  const make = async (format: "csv" | "json") => {
    setIsMaking(true);
    setFailure(undefined);
    setMade(undefined);
    try {
      const period = periodOf(startOf(from), startOf(to));
      const statement = await client.payments.statement({ session_id: session, ...period });
      const name = `paygent-${session}.${format}`;
      if (format === "csv") download(name, "text/csv", statementCsv(statement));
      else download(name, "application/json", `${JSON.stringify(statement, undefined, 2)}\n`);
      setMade(statement);
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setIsMaking(false);
    }
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Statement"
      description="What settled in the period, and what was open at its end, with sums. Days are those of UTC."
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <Select
          label="Session"
          className="sm:col-span-2"
          value={session}
          onChange={({ target }) => setSession(target.value)}
          options={choices}
        />
        <Field label="First day" type="date" value={from} onChange={({ target }) => setFrom(target.value)} />
        <Field label="Last day" type="date" value={to} onChange={({ target }) => setTo(target.value)} />
      </div>
      <div className="mt-4 flex flex-wrap gap-2">
        <Button look="primary" disabled={isMaking || session === ""} onClick={() => void make("csv")}>
          CSV
        </Button>
        <Button look="primary" disabled={isMaking || session === ""} onClick={() => void make("json")}>
          JSON
        </Button>
        <Button onClick={onClose} className="ml-auto">
          Close
        </Button>
      </div>
      <div className="mt-3 empty:hidden">
        {failure === undefined ? null : <Notice look="bad">{plainText(failure)}</Notice>}
        {made === undefined ? null : <Notice look="good">{madeSentence(made)}</Notice>}
        {session === "" ? <Notice>There is no session yet.</Notice> : null}
      </div>
    </Dialog>
  );
}

function madeSentence({ payments, settled, pending }: Statement): string {
  const sums = (totals: readonly StatementTotal[]) =>
    totals
      .map(({ amount, currency, network }) => `${amount} ${plainText(currency)} on ${plainText(network)}`)
      .join(", ");
  const count = `${payments.length} ${payments.length === 1 ? "payment" : "payments"}`;
  const open = pending.length === 0 ? "" : ` ${sums(pending)} are still open.`;
  return `Made of ${count}. ${settled.length === 0 ? "Nothing settled." : `${sums(settled)} settled.`}${open}`;
}
