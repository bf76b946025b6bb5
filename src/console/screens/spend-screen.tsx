import { useCallback } from "react";
import { usePaygent } from "../../react/index.ts";
import { Loading } from "../parts/loading.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { DayChart } from "../spend/day-chart.tsx";
import { loadPayments, sessionsRead } from "../statement/paid-calls.ts";
import { totalsBy, totalUsd } from "../statement/statement.ts";
import { useLoaded } from "../use-loaded.ts";

/** Where the money goes. */
export function SpendScreen() {
  const client = usePaygent();
  const [payments, again] = useLoaded(useCallback(() => loadPayments(client), [client]));
  return (
    <Screen title="Spend">
      <Loading of={payments} again={again}>
        {(calls) => {
          const days = totalsBy(calls, ({ at }) => at.slice(0, 10));
          return (
            <div className="grid gap-8">
              <section aria-label="Spent by day">
                <h2 className="mb-2 font-semibold text-base">Spent by day</h2>
                {calls.length === 0 ? (
                  <Empty>Nothing has been paid yet.</Empty>
                ) : (
                  <>
                    <p className="mb-2 text-soft">
                      {totalUsd(calls)} USD in your newest {sessionsRead} sessions; days are those of UTC.
                    </p>
                    <DayChart days={days} />
                    <Totals label="By day" name="Day" totals={days.toSorted((a, b) => b.key.localeCompare(a.key))} />
                  </>
                )}
              </section>
              {calls.length === 0 ? null : (
                <>
                  <Totals label="By payee" name="Payee" totals={totalsBy(calls, ({ payee }) => payee)} />
                  <Totals label="By tool" name="Tool" totals={totalsBy(calls, ({ toolName }) => toolName)} />
                  <Totals
                    label="By session"
                    name="Session"
                    totals={totalsBy(calls, ({ sessionTitle }) => sessionTitle)}
                  />
                </>
              )}
            </div>
          );
        }}
      </Loading>
    </Screen>
  );
}

function Totals({
  label,
  name,
  totals,
}: {
  readonly label: string;
  readonly name: string;
  readonly totals: ReturnType<typeof totalsBy>;
}) {
  return (
    <section>
      <h3 className="mb-2 font-semibold">{label}</h3>
      <Table
        label={label}
        columns={[name, "Payments", "Spent"]}
        rows={totals.map(({ key, count, usd }) => ({ key, cells: [plainText(key), count, `${usd} USD`] }))}
      />
    </section>
  );
}
