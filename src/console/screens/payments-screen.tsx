import { useCallback, useState } from "react";
import { Link } from "wouter";
import { usePaygent } from "../../react/index.ts";
import { dateAndTime } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Loading } from "../parts/loading.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { loadPayments, type PaidCall, sessionsRead } from "../statement/paid-calls.ts";
import { statementCsv, totalUsd } from "../statement/statement.ts";
import { useLoaded } from "../use-loaded.ts";

/** What was paid, as the logs have it. */
export function PaymentsScreen() {
  const client = usePaygent();
  const [payments, again] = useLoaded(useCallback(() => loadPayments(client), [client]));
  const [words, setWords] = useState("");
  const matches = ({ payee, toolName, sessionTitle, cost }: PaidCall) =>
    `${payee} ${toolName} ${sessionTitle} ${cost.tx_hash}`.toLowerCase().includes(words.toLowerCase());
  return (
    <Screen title="Payments">
      <Loading of={payments} again={again}>
        {(all) => {
          const shown = all.filter(matches);
          return (
            <>
              <div className="mb-4 flex flex-wrap items-end justify-between gap-3">
                <Field
                  label="Filter"
                  hint="By payee, tool, session or transaction."
                  type="search"
                  value={words}
                  onChange={(event) => setWords(event.target.value)}
                />
                <p className="tabular-nums">
                  {shown.length} payments, <strong className="font-semibold">{totalUsd(shown)} USD</strong>
                </p>
                <Button disabled={shown.length === 0} onClick={() => download(statementCsv(shown))}>
                  Statement (CSV)
                </Button>
              </div>
              {shown.length === 0 ? (
                <Empty>{all.length === 0 ? "Nothing has been paid yet." : "No payment matches the filter."}</Empty>
              ) : (
                <Table
                  label="Payments"
                  columns={["Time", "Amount", "Payee", "Tool", "Session", "Transaction"]}
                  rows={shown.map(({ key, at, cost, payee, toolName, sessionId, sessionTitle }) => ({
                    key,
                    cells: [
                      dateAndTime(at),
                      <span key="amount" className="tabular-nums">
                        {cost.amount} {plainText(cost.currency)}
                      </span>,
                      plainText(payee),
                      plainText(toolName),
                      <Link key="session" href={`/sessions/${sessionId}`} className="text-accent underline">
                        {plainText(sessionTitle)}
                      </Link>,
                      <code key="transaction" className="font-mono text-xs">
                        {plainText(cost.tx_hash ?? "")}
                      </code>,
                    ],
                  }))}
                />
              )}
              <p className="mt-3 text-soft text-xs">Payments of your newest {sessionsRead} sessions.</p>
            </>
          );
        }}
      </Loading>
    </Screen>
  );
}

function download(csv: string): void {
  const url = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: "paygent-statement.csv" });
  link.click();
  URL.revokeObjectURL(url);
}
