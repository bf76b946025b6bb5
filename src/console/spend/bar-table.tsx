import { type ReactNode, useMemo } from "react";
import { formatUsd, usdMicros } from "../../protocol/money.ts";
import type { PaymentSum } from "../../protocol/payment-totals.ts";
import { percent } from "../format.ts";
import { type Column, Table } from "../parts/table.tsx";

/** Sums as figures and as bars: of a budget where there is one, else of the largest of them. */
export function BarTable({
  label,
  name,
  sums,
  nameOf,
}: {
  readonly label: string;
  readonly name: string;
  readonly sums: readonly PaymentSum[];
  readonly nameOf: (sum: PaymentSum) => ReactNode;
}) {
  const columns = useMemo<readonly Column<PaymentSum>[]>(() => {
    const [largest = 1n] = sums.map(drawn).sort((one, other) => (other > one ? 1 : -1));
    const hasLimits = sums.some(({ limit_usd }) => limit_usd !== undefined);
    const budget: Column<PaymentSum> = {
      name: "Budget",
      isFigure: true,
      sortBy: ({ limit_usd = "0" }) => usdMicros(limit_usd),
      cell: ({ limit_usd }) => (limit_usd === undefined ? "none" : `${limit_usd} USD`),
    };
    return [
      { name, sortBy: ({ key, title }) => (title ?? key).toLowerCase(), cell: nameOf },
      { name: "Payments", isFigure: true, sortBy: ({ payments }) => payments, cell: ({ payments }) => payments },
      {
        name: "Spent",
        isFigure: true,
        sortBy: ({ settled_usd }) => usdMicros(settled_usd),
        cell: ({ settled_usd }) => `${settled_usd} USD`,
      },
      {
        name: "Set aside",
        isFigure: true,
        sortBy: ({ pending_usd }) => usdMicros(pending_usd),
        cell: ({ pending_usd }) => `${pending_usd} USD`,
      },
      ...(hasLimits ? [budget] : []),
      { name: "Share", cell: (sum) => <Bar sum={sum} whole={sum.limit_usd ?? formatUsd(largest)} /> },
    ];
  }, [sums, name, nameOf]);
  return (
    <section aria-label={label}>
      <h2 className="mb-2 font-semibold text-base">{label}</h2>
      <Table label={label} columns={columns} rows={sums} keyOf={({ key }) => key} />
    </section>
  );
}

function drawn({ settled_usd, pending_usd }: PaymentSum): bigint {
  return usdMicros(settled_usd) + usdMicros(pending_usd);
}

/** Repeats the figures beside it, so it is only drawn; where there is a budget its part is said too. */
function Bar({ sum, whole }: { readonly sum: PaymentSum; readonly whole: string }) {
  const spent = percent(sum.settled_usd, whole);
  const aside = percent(sum.pending_usd, whole);
  return (
    <span className="inline-flex w-40 items-center gap-2 md:w-full">
      <svg
        aria-hidden="true"
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
        className="h-2 w-full rounded-full bg-line"
      >
        <rect x={spent} width={Math.min(aside, 100 - spent)} height="4" className="fill-warn opacity-60" />
        <rect width={spent} height="4" className="fill-accent" />
      </svg>
      {sum.limit_usd === undefined ? null : (
        <span className="w-11 shrink-0 text-right text-xs tabular-nums">
          {Math.round(Math.min(100, spent + aside))} %
        </span>
      )}
    </span>
  );
}
