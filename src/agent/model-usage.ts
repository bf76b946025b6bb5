import type { LanguageModelV4CallOptions, LanguageModelV4ToolCall, LanguageModelV4Usage } from "@ai-sdk/provider";
import { trace } from "@opentelemetry/api";
import type { ModelUsage } from "../runtime/agent-model.ts";

export const noUsage: ModelUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 };

/** The size of what a provider is sent, as far as it is counted: the conversation and the tools. */
export function bytesOf({ prompt, tools }: Pick<LanguageModelV4CallOptions, "prompt" | "tools">): number {
  return Buffer.byteLength(JSON.stringify({ prompt, tools }));
}

/**
 * What a provider says that a request took; `undefined` where it leaves out a side, or counts nothing where there
 * was something. A sum that is less than its parts is not believed.
 */
export function usageOf({
  usage,
  text,
  toolCalls,
}: {
  readonly usage: LanguageModelV4Usage;
  readonly text: string;
  readonly toolCalls: readonly LanguageModelV4ToolCall[];
}): ModelUsage | undefined {
  const { inputTokens: input, outputTokens: output } = usage;
  const inputTokens = greatest(input.total, sumOf(input.noCache, input.cacheRead, input.cacheWrite));
  const outputTokens = greatest(output.total, sumOf(output.text, output.reasoning));
  const hasSpoken = text !== "" || toolCalls.length > 0;
  if (!inputTokens || outputTokens === undefined || (hasSpoken && outputTokens === 0)) return undefined;
  return { inputTokens, cachedTokens: whole(input.cacheRead) ?? 0, outputTokens };
}

/** Tells the span around a request what it took, by the conventions for generative AI. */
export function noteUsage(usage: ModelUsage | undefined): void {
  if (usage === undefined) return;
  trace.getActiveSpan()?.setAttributes({
    "gen_ai.usage.input_tokens": usage.inputTokens,
    "gen_ai.usage.output_tokens": usage.outputTokens,
  });
}

function greatest(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.map(whole).filter((count) => count !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function sumOf(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.map(whole).filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

function whole(count: number | undefined): number | undefined {
  return count !== undefined && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
