import type { ModelUsage } from "./agent-model.ts";

/** What a model costs, in USD millionths per million tokens, and the longest answer that is asked of it. */
export interface ModelPrice {
  readonly inputMicros: bigint;
  /** For the part of the input that the provider read from its cache; at most `inputMicros`. */
  readonly cachedInputMicros: bigint;
  readonly outputMicros: bigint;
  readonly maxOutputTokens: number;
}

const million = 1_000_000n;
/** What a provider may add to a request on its own, such as its instructions for calling tools. */
const addedTokens = 1024;
/** Fewer tokens than these hold no useful answer. */
const fewestOutputTokens = 256;

/**
 * The most that a request of so many bytes can cost, in USD millionths. A token of a byte-level tokeniser
 * stands for one byte at least, so there are no more tokens than bytes.
 */
export function mostOf(price: ModelPrice, inputBytes: number, outputTokens: number): bigint {
  return roundedUp(inputParts(price, inputBytes) + BigInt(outputTokens) * price.outputMicros);
}

/** How long an answer may be where so much is left, in USD millionths: undefined when it would be too short to be of use. */
export function outputThatFits(price: ModelPrice, inputBytes: number, leftMicros: bigint): number | undefined {
  const forOutput = leftMicros * million - inputParts(price, inputBytes);
  if (forOutput < BigInt(fewestOutputOf(price)) * price.outputMicros) return undefined;
  if (price.outputMicros === 0n) return price.maxOutputTokens;
  const affordable = forOutput / price.outputMicros;
  return affordable < BigInt(price.maxOutputTokens) ? Number(affordable) : price.maxOutputTokens;
}

export function fewestOutputOf({ maxOutputTokens }: ModelPrice): number {
  return Math.min(fewestOutputTokens, maxOutputTokens);
}

/** What a request cost, in USD millionths, rounded up: a budget is never charged less than was spent. */
export function costOf(price: ModelPrice, { inputTokens, cachedTokens, outputTokens }: ModelUsage): bigint {
  return roundedUp(
    BigInt(inputTokens - cachedTokens) * price.inputMicros +
      BigInt(cachedTokens) * price.cachedInputMicros +
      BigInt(outputTokens) * price.outputMicros,
  );
}

function inputParts(price: ModelPrice, inputBytes: number): bigint {
  return BigInt(inputBytes + addedTokens) * price.inputMicros;
}

function roundedUp(parts: bigint): bigint {
  return (parts + million - 1n) / million;
}
