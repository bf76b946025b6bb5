import type { ModelUsage } from "./agent-model.ts";

/** What a model costs, in USD millionths per million tokens. */
export interface ModelPrice {
  readonly inputMicros: bigint;
  readonly outputMicros: bigint;
}

const million = 1_000_000n;

/** What a reply cost, in USD millionths, rounded up: a budget is never charged less than was spent. */
export function costOf(price: ModelPrice | undefined, usage: ModelUsage | undefined): bigint {
  if (price === undefined || usage === undefined) return 0n;
  const parts = BigInt(usage.inputTokens) * price.inputMicros + BigInt(usage.outputTokens) * price.outputMicros;
  return (parts + million - 1n) / million;
}
