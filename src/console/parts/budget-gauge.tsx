import type { Budget } from "../../protocol/events.ts";
import { percent } from "../format.ts";

/** What of a budget is spent and what is set aside. */
export function BudgetGauge({ budget }: { readonly budget: Budget }) {
  const { limit, spent, reserved, remaining } = budget;
  const [spentPercent, reservedPercent] = [percent(spent, limit), percent(reserved, limit)];
  return (
    <div className="w-full sm:w-64">
      <div className="flex justify-between gap-3 text-xs">
        <span className="tabular-nums">
          <strong className="font-semibold">{spent}</strong> of {limit} USD spent
        </span>
        <span className="text-soft tabular-nums">{remaining} left</span>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a <meter> cannot show what is set aside beside what is spent. */}
      <svg
        role="meter"
        aria-label="Budget"
        aria-valuemin={0}
        aria-valuemax={Number(limit)}
        aria-valuenow={Number(spent)}
        aria-valuetext={`${spent} of ${limit} USD spent, ${reserved} reserved, ${remaining} left`}
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
        className="mt-1 h-1.5 w-full rounded-full bg-line"
      >
        <rect x={spentPercent} width={reservedPercent} height="4" className="fill-warn opacity-60" />
        <rect width={spentPercent} height="4" className="fill-accent" />
      </svg>
    </div>
  );
}
