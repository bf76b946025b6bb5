import { setTimeout as sleep } from "node:timers/promises";
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FinishReason,
  LanguageModelV4Prompt,
  LanguageModelV4ToolCall,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { PlanStep } from "../protocol/events.ts";
import type { AgentModel, ModelCall, ModelReply, RespondOptions } from "../runtime/agent-model.ts";
import { AttemptCut, modelFailed, readFailure } from "./model-failure.ts";
import { bytesOf, noteUsage, noUsage, usageOf } from "./model-usage.ts";
import { planTool, readPlan } from "./plan-tool.ts";
import { toFunctionTools, toPrompt } from "./prompt.ts";
import { TextRelay } from "./text-relay.ts";

export interface LanguageModelOptions {
  /** What the model is called in errors and on screens, such as `anthropic/claude-sonnet-5`. */
  readonly name: string;
  /** How often a call that failed for a passing reason is repeated; 2 by default. */
  readonly retries?: number;
  /** How long one attempt may take in all; 120 s by default. */
  readonly timeoutMs?: number;
  /** How long a provider may stay silent within an attempt; 60 s by default. */
  readonly idleTimeoutMs?: number;
  /** True of a model that looks at the current command alone. */
  readonly ignoresHistory?: boolean;
  /** Waits before a repeated attempt; given by tests. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

interface Step {
  readonly text: string;
  readonly toolCalls: readonly LanguageModelV4ToolCall[];
  readonly finish: LanguageModelV4FinishReason["unified"];
  readonly usage: LanguageModelV4Usage;
}

const longestWaitMs = 60_000;
const maxPlanOnlySteps = 3;

/** Makes an agent's model of any AI SDK language model: one step a call, streamed, with retries and time-outs. */
export function languageModel(model: LanguageModelV4, options: LanguageModelOptions): AgentModel {
  return {
    name: options.name,
    ignoresHistory: options.ignoresHistory ?? false,
    async respond(request, { signal, onText, meter }) {
      signal.throwIfAborted();
      const tools = toFunctionTools([...request.tools, planTool]);
      const prompt = toPrompt(request);
      let text = "";
      let plan: readonly PlanStep[] | undefined;
      for (let round = 1; ; round += 1) {
        const show = round === 1 ? onText : afterGap(text, onText);
        const step = await stepWithRetries(model, { prompt, tools }, options, { signal, onText: show, meter });
        text += text !== "" && step.text !== "" ? `\n\n${step.text}` : step.text;
        const { calls, stated } = sortCalls(step.toolCalls);
        plan = stated ?? plan;
        // A hosted model that only stated its plan waits for an answer before it goes on.
        const isWaiting = step.finish === "tool-calls" && step.toolCalls.length > 0 && calls.length === 0;
        if (!isWaiting || round === maxPlanOnlySteps) return replyOf({ text, calls, plan, finish: step.finish });
        acknowledgePlan(prompt, step);
      }
    },
  };
}

function replyOf({
  plan,
  finish,
  ...said
}: Pick<ModelReply, "text" | "calls"> & {
  plan: readonly PlanStep[] | undefined;
  finish: Step["finish"];
}): ModelReply {
  return { ...said, ...(plan ? { plan } : {}), success: finish === "stop" || finish === "tool-calls" };
}

async function stepWithRetries(
  model: LanguageModelV4,
  call: Pick<LanguageModelV4CallOptions, "prompt" | "tools">,
  { name, retries = 2, delay = waitFor, ...limits }: LanguageModelOptions,
  { signal, onText, meter }: RespondOptions,
): Promise<Step> {
  const relay = new TextRelay(onText);
  for (let tries = 1; ; tries += 1) {
    relay.beginAttempt();
    const progress: Progress = { phase: "request" };
    const metered = await meter?.begin(bytesOf(call));
    const limit = metered === undefined ? {} : { maxOutputTokens: metered.maxOutputTokens };
    try {
      const step = await attempt(model, { ...call, ...limit }, { ...limits, signal, relay, progress });
      const usage = usageOf(step);
      metered?.end(usage);
      noteUsage(usage);
      return step;
    } catch (error) {
      signal.throwIfAborted();
      const failure = readFailure(error, progress.phase, Date.now());
      metered?.end(failure.costsNothing ? noUsage : undefined);
      const waitMs = failure.retryAfterMs ?? backoffMs(tries);
      if (!failure.isRetryable || tries > retries || waitMs > longestWaitMs) throw modelFailed(name, tries, failure);
      await delay(waitMs, signal).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw cause;
      });
    }
  }
}

interface Progress {
  phase: "request" | "stream";
}

/** One request to the provider. Settles at once when the signal aborts, whatever the provider does. */
function attempt(
  model: LanguageModelV4,
  call: Omit<LanguageModelV4CallOptions, "abortSignal">,
  {
    timeoutMs = 120_000,
    idleTimeoutMs = 60_000,
    signal,
    relay,
    progress,
  }: Pick<LanguageModelOptions, "timeoutMs" | "idleTimeoutMs"> & {
    readonly signal: AbortSignal;
    readonly relay: TextRelay;
    readonly progress: Progress;
  },
): Promise<Step> {
  const { promise, resolve, reject } = Promise.withResolvers<Step>();
  const controller = new AbortController();
  const stop = (reason: unknown) => {
    controller.abort(reason);
    reject(reason);
  };
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const total = setTimeout(() => stop(new AttemptCut(`gave no whole answer within ${timeoutMs} ms`)), timeoutMs);
  const idle = setTimeout(() => stop(new AttemptCut(`said nothing for ${idleTimeoutMs} ms`)), idleTimeoutMs);

  readStep(model, { ...call, abortSignal: controller.signal }, progress, {
    onPart: () => idle.refresh(),
    onText: (delta) => {
      if (!controller.signal.aborted) relay.push(delta);
    },
  })
    .then(resolve, reject)
    .finally(() => {
      clearTimeout(total);
      clearTimeout(idle);
      signal.removeEventListener("abort", onAbort);
    });
  return promise;
}

async function readStep(
  model: LanguageModelV4,
  call: LanguageModelV4CallOptions & { readonly abortSignal: AbortSignal },
  progress: Progress,
  { onPart, onText }: { readonly onPart: () => void; readonly onText: (delta: string) => void },
): Promise<Step> {
  const { stream } = await model.doStream(call);
  progress.phase = "stream";
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(call.abortSignal.reason).catch(() => undefined);
  call.abortSignal.addEventListener("abort", cancel, { once: true });
  if (call.abortSignal.aborted) cancel();

  let text = "";
  const say = (delta: string) => {
    text += delta;
    onText(delta);
  };
  const toolCalls: LanguageModelV4ToolCall[] = [];
  try {
    for (;;) {
      const { done, value: part } = await reader.read();
      if (done) throw new AttemptCut("broke off in the middle of its answer");
      onPart();
      if (part.type === "text-delta") say(part.delta);
      else if (part.type === "text-start" && text !== "" && !text.endsWith("\n")) say("\n\n");
      else if (part.type === "tool-call" && !part.providerExecuted) toolCalls.push(part);
      else if (part.type === "error") throw part.error;
      else if (part.type === "finish") {
        void drain(reader);
        return { text, toolCalls, finish: part.finishReason.unified, usage: part.usage };
      }
    }
  } catch (error) {
    cancel();
    throw error;
  } finally {
    call.abortSignal.removeEventListener("abort", cancel);
  }
}

// Reading to the end lets the next call use the same connection; a provider that does not end is cut off.
async function drain(reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
  const cancel = () => void reader.cancel().catch(() => undefined);
  const timer = setTimeout(cancel, 1000).unref();
  try {
    while (!(await reader.read()).done);
  } catch {
    // The answer is complete already; what breaks after it changes nothing.
  } finally {
    clearTimeout(timer);
  }
}

function sortCalls(toolCalls: readonly LanguageModelV4ToolCall[]) {
  const calls: ModelCall[] = [];
  let stated: readonly PlanStep[] | undefined;
  for (const { toolName, input } of toolCalls) {
    const args = readArgs(input);
    if (toolName === planTool.name) stated = readPlan(args) ?? stated;
    else calls.push({ name: toolName, args });
  }
  return { calls, stated };
}

function readArgs(input: string): ModelCall["args"] {
  // Some providers write nothing at all for a call without arguments.
  if (input.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(input);
    // An object that is no array is a record, whatever it holds.
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

function acknowledgePlan(prompt: LanguageModelV4Prompt, { text, toolCalls }: Step): void {
  prompt.push({
    role: "assistant",
    content: [
      ...(text === "" ? [] : [{ type: "text" as const, text }]),
      ...toolCalls.map(({ toolCallId, toolName, input }) => ({
        type: "tool-call" as const,
        toolCallId,
        toolName,
        input: readArgs(input) ?? {},
      })),
    ],
  });
  prompt.push({
    role: "tool",
    content: toolCalls.map(({ toolCallId, toolName, input }) => ({
      type: "tool-result",
      toolCallId,
      toolName,
      output: readPlan(readArgs(input))
        ? { type: "text", value: "The plan is shown. Go on with its first open step." }
        : { type: "error-text", value: "This is no plan: steps must be a list of {title, status}." },
    })),
  });
}

function afterGap(before: string, onText: (delta: string) => void): (delta: string) => void {
  let isFirst = before !== "";
  return (delta) => {
    onText(isFirst ? `\n\n${delta}` : delta);
    isFirst = false;
  };
}

function backoffMs(tries: number): number {
  return 500 * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
}

function waitFor(ms: number, signal: AbortSignal): Promise<unknown> {
  return sleep(ms, undefined, { signal });
}
