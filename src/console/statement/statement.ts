import { formatUsd, usdMicros } from "../../protocol/money.ts";
import type { PaidCall } from "./paid-calls.ts";

/** The sum of what calls took from the budgets, in USD. */
export function totalUsd(calls: readonly PaidCall[]): string {
  return formatUsd(calls.reduce((sum, { cost }) => sum + usdMicros(cost.usd), 0n));
}

/** Sums by a property, the largest first. */
export function totalsBy(
  calls: readonly PaidCall[],
  keyOf: (call: PaidCall) => string,
): readonly { readonly key: string; readonly count: number; readonly usd: string }[] {
  return [...Map.groupBy(calls, keyOf)]
    .map(([key, group]) => ({ key, count: group.length, usd: totalUsd(group) }))
    .sort((one, other) => (usdMicros(other.usd) > usdMicros(one.usd) ? 1 : -1));
}

/** A statement as CSV (RFC 4180). Cells that a spreadsheet would run as a formula are quoted with an apostrophe. */
export function statementCsv(calls: readonly PaidCall[]): string {
  const header = ["time", "session_id", "tool", "payee", "amount", "currency", "usd", "transaction"];
  const rows = calls.map(({ at, sessionId, toolName, payee, cost }) => [
    at,
    sessionId,
    toolName,
    payee,
    cost.amount,
    cost.currency,
    cost.usd,
    cost.tx_hash ?? "",
  ]);
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(text: string): string {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
