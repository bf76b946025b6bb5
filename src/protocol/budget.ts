import type { Budget } from "./events.ts";
import { formatUsd, usdMicros } from "./money.ts";
import type { SessionConfig } from "./session-config.ts";

/** What is left of a limit: nothing when it was lowered below what is drawn. */
export function leftOf(limit: bigint, drawn: bigint): bigint {
  return drawn < limit ? limit - drawn : 0n;
}

/** A session's budget as the wire has it. */
export function budgetOf(config: SessionConfig, spentMicros: bigint, reservedMicros: bigint): Budget {
  const limit = usdMicros(config.budget_usd);
  return {
    limit: formatUsd(limit),
    spent: formatUsd(spentMicros),
    reserved: formatUsd(reservedMicros),
    remaining: formatUsd(leftOf(limit, spentMicros + reservedMicros)),
  };
}
