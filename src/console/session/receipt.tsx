import type { Cost } from "../../protocol/events.ts";
import { plainText } from "../plain-text.ts";

/** What was paid, to whom, and where the chain says so. */
export function Receipt({ cost, payee }: { readonly cost: Cost; readonly payee: string }) {
  return (
    <section aria-label="Receipt" className="mt-2 rounded-md border border-line bg-panel px-3 py-2">
      <p>
        Paid{" "}
        <strong className="font-semibold tabular-nums">
          {cost.amount} {plainText(cost.currency)}
        </strong>{" "}
        to <strong className="font-semibold">{plainText(payee)}</strong>
      </p>
      {cost.tx_hash === undefined ? null : (
        <p className="text-soft text-xs">
          Transaction <code className="font-mono text-ink">{plainText(cost.tx_hash)}</code>
        </p>
      )}
    </section>
  );
}
