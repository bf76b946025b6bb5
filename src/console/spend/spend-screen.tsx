import { subDays } from "date-fns";
import { useCallback, useMemo, useState } from "react";
import { Link } from "wouter";
import { formatUsd, usdMicros } from "../../protocol/money.ts";
import type { PaymentSum, PaymentsBy } from "../../protocol/payment-totals.ts";
import { usePaygent } from "../../react/index.ts";
import { paymentsPath, startOf } from "../paid/payment-filter.ts";
import { Loading } from "../parts/loading.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";
import { sessionName, useSessionNames } from "../use-session-names.ts";
import { BarTable } from "./bar-table.tsx";
import { DayChart, isDrawn } from "./day-chart.tsx";

const periods = [
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
] as const;

const kinds = ["day", "payee", "tool", "session"] as const satisfies readonly PaymentsBy[];

/** Where the money goes, against the budgets it comes from. */
export function SpendScreen() {
  const client = usePaygent();
  const names = useSessionNames();
  const [days, setDays] = useState("30");
  const [session, setSession] = useState("");
  const from = firstDay(Number(days));
  const load = useCallback(async () => {
    const filter = { from: `${from}T00:00:00.000Z`, ...(session === "" ? {} : { session_id: session }) };
    const [byDay, byPayee, byTool, bySession] = await Promise.all(
      kinds.map(async (by) => (await client.payments.totals({ by, ...filter })).data),
    );
    return { byDay: byDay ?? [], byPayee: byPayee ?? [], byTool: byTool ?? [], bySession: bySession ?? [] };
  }, [client, from, session]);
  const [sums, again] = useLoaded(load);
  const toPayments = useMemo(() => links(session, from), [session, from]);
  return (
    <Screen title="Spend">
      <div className="mb-5 grid gap-3 sm:grid-cols-[10rem_minmax(0,20rem)]">
        <Select label="Period" value={days} onChange={({ target }) => setDays(target.value)} options={periods} />
        <Select
          label="Session"
          value={session}
          onChange={({ target }) => setSession(target.value)}
          options={[["", "all"], ...names.choices]}
        />
      </div>
      <Loading of={sums} again={again}>
        {({ byDay, byPayee, byTool, bySession }) =>
          byDay.length === 0 ? (
            <Empty>Nothing was paid in these {days} days.</Empty>
          ) : (
            <div className="grid gap-8">
              <section aria-label="Spent by day">
                <h2 className="font-semibold text-base">Spent by day</h2>
                <p className="mb-3 tabular-nums">{sumSentence(byDay)}</p>
                <DayChart sums={byDay} days={Number(days)} limit={sharedLimit(byDay)} />
                <Legend hasBudget={isDrawn(sharedLimit(byDay), byDay)} />
              </section>
              <BarTable label="By payee" name="Payee" sums={byPayee} nameOf={toPayments.payee} />
              <BarTable label="By session" name="Session" sums={bySession} nameOf={toPayments.session} />
              <BarTable label="By tool" name="Tool" sums={byTool} nameOf={toPayments.tool} />
              <BarTable label="By day" name="Day" sums={byDay} nameOf={toPayments.day} />
              <p className="text-soft text-xs">
                Days are those of UTC. What models cost is drawn from the budgets too and stands in no payment.
              </p>
            </div>
          )
        }
      </Loading>
    </Screen>
  );
}

/** The first of the last so many days (UTC), today included. */
function firstDay(days: number): string {
  return subDays(startOf(new Date().toISOString().slice(0, 10)) ?? new Date(), days - 1)
    .toISOString()
    .slice(0, 10);
}

/** What stands for a sum in its table: the way to its payments. */
function links(session: string, from: string) {
  const link = (path: string, name: string) => (
    <Link href={path} className="text-accent underline">
      {name}
    </Link>
  );
  return {
    day: ({ key }: PaymentSum) => link(paymentsPath({ session, from: key, to: key }), key),
    payee: ({ key }: PaymentSum) => link(paymentsPath({ session, payee: key, from }), plainText(key)),
    session: ({ key, title }: PaymentSum) => link(paymentsPath({ session: key, from }), sessionName(key, title)),
    tool: ({ key }: PaymentSum) => plainText(key),
  };
}

function sumSentence(byDay: readonly PaymentSum[]): string {
  const sum = (of: "settled_usd" | "pending_usd") => byDay.reduce((total, each) => total + usdMicros(each[of]), 0n);
  const pending = sum("pending_usd");
  const aside = pending === 0n ? "" : ` and ${formatUsd(pending)} USD set aside`;
  const limit = sharedLimit(byDay);
  const budget = limit === undefined ? "" : ` The budget of a day is ${limit} USD.`;
  return `${formatUsd(sum("settled_usd"))} USD spent${aside}.${budget}`;
}

/** The budget of a day, where it is the same on all of them. */
function sharedLimit(byDay: readonly PaymentSum[]): string | undefined {
  const limit = byDay[0]?.limit_usd;
  return byDay.every(({ limit_usd }) => limit_usd === limit) ? limit : undefined;
}

function Legend({ hasBudget }: { readonly hasBudget: boolean }) {
  const parts = [
    ["size-2.5 rounded-xs bg-accent", "spent"],
    ["size-2.5 rounded-xs bg-warn", "set aside"],
    ...(hasBudget ? [["w-5 border-bad border-t-2 border-dashed", "budget of a day"] as const] : []),
  ] as const;
  return (
    <p aria-hidden="true" className="mt-1 flex gap-4 text-soft text-xs">
      {parts.map(([look, name]) => (
        <span key={name} className="flex items-center gap-1.5">
          <span className={look} />
          {name}
        </span>
      ))}
    </p>
  );
}
