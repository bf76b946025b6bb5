import { useCallback, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { formatUsd, usdMicros } from "../../protocol/money.ts";
import type { PaymentSum } from "../../protocol/payment-totals.ts";
import { usePaygent } from "../../react/index.ts";
import { Button } from "../parts/button.tsx";
import { PagesEnd } from "../parts/pages-end.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { useLoaded } from "../use-loaded.ts";
import { usePages } from "../use-pages.ts";
import { useSessionNames } from "../use-session-names.ts";
import { filterOf, paymentsPath, wishesOf } from "./payment-filter.ts";
import { PaymentFilters } from "./payment-filters.tsx";
import { PaymentTable } from "./payment-table.tsx";
import { StatementDialog } from "./statement-dialog.tsx";

/** What was paid, is being paid, and was given up; `where` is the filter of the address. */
export function PaymentsScreen({ where }: { readonly where: string | undefined }) {
  const client = usePaygent();
  const [, navigate] = useLocation();
  const [isExporting, setIsExporting] = useState(false);
  const names = useSessionNames();
  const wishes = useMemo(() => wishesOf(where), [where]);
  const filter = useMemo(() => filterOf(wishes), [wishes]);
  const pages = usePages(
    useCallback(
      (cursor: string | undefined) => client.payments.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
      [client, filter],
    ),
  );
  const [sums] = useLoaded(useCallback(() => client.payments.totals({ by: "state", ...filter }), [client, filter]));
  const [payees] = useLoaded(useCallback(() => client.payments.totals({ by: "payee" }), [client]));
  const { items } = pages;
  return (
    <Screen title="Payments" actions={<Button onClick={() => setIsExporting(true)}>Statement…</Button>}>
      <PaymentFilters
        key={where}
        wishes={wishes}
        sessions={names.choices}
        payees={payees.state === "ready" ? payees.value.data.map(({ key }) => key) : []}
        onChange={(changed) => navigate(paymentsPath(changed), { replace: true })}
      />
      {items === undefined || items.length === 0 || sums.state !== "ready" ? null : (
        <p className="mb-3 tabular-nums" role="status">
          {sumSentence(sums.value.data)}
        </p>
      )}
      {items === undefined ? null : items.length > 0 ? (
        <PaymentTable payments={items} nameOf={names.nameOf} />
      ) : (
        <Empty>{where === undefined ? "Nothing has been paid yet." : "No payment matches the filter."}</Empty>
      )}
      <PagesEnd pages={pages} name="older payments" />
      {isExporting ? (
        <StatementDialog sessions={names.choices} wishes={wishes} onClose={() => setIsExporting(false)} />
      ) : null}
    </Screen>
  );
}

function sumSentence(sums: readonly PaymentSum[]): string {
  const count = sums.reduce((total, { payments }) => total + payments, 0);
  const sum = (of: "settled_usd" | "pending_usd") => sums.reduce((total, each) => total + usdMicros(each[of]), 0n);
  const pending = sum("pending_usd");
  const aside = pending === 0n ? "" : `, ${formatUsd(pending)} USD set aside`;
  return `${count} ${count === 1 ? "payment" : "payments"}: ${formatUsd(sum("settled_usd"))} USD settled${aside}`;
}
