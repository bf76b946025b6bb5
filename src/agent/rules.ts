import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { PlanStep } from "../protocol/events.ts";
import { type CommandStep, grammarText, parseCommand } from "./grammar.ts";
import { planTool } from "./plan-tool.ts";
import { excerpt, reportStep, type StepOutcome } from "./step-report.ts";
import { researcher } from "./subagents.ts";

interface Answer {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly args: unknown }[];
  readonly finish: "stop" | "tool-calls" | "other";
}

/** A call that the conversation already holds, in the order in which it was made. */
interface MadeCall {
  readonly name: string;
  readonly success: boolean;
  readonly result: unknown;
}

const usage: LanguageModelV4Usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/**
 * The offline model: a rule set that understands a small grammar and is no language model. The same prompt
 * always gets the same answer, and everything it needs to know stands in the prompt.
 */
export function rulesModel(): LanguageModelV4 {
  return {
    specificationVersion: "v4",
    provider: "paygent",
    modelId: "rules",
    supportedUrls: {},
    async doGenerate(options) {
      const answer = answerTo(options);
      return { content: contentOf(answer), finishReason: finishOf(answer), usage, warnings: [] };
    },
    async doStream(options) {
      const answer = answerTo(options);
      return {
        stream: new ReadableStream<LanguageModelV4StreamPart>({
          start(controller) {
            for (const part of partsOf(answer)) controller.enqueue(part);
            controller.close();
          },
        }),
      };
    },
  };
}

function answerTo({ prompt, tools, abortSignal }: LanguageModelV4CallOptions): Answer {
  abortSignal?.throwIfAborted();
  const offered = new Set(tools?.map((tool) => tool.name));
  const command = lastCommand(prompt);
  const made = callsAfter(prompt, command.index);
  if (isResearcher(prompt)) return research(command.text, made, offered);

  const parsed = parseCommand(command.text);
  if (parsed.kind === "steps") {
    return work(parsed.steps, made, offered, (outcomes) => outcomes.map(reportStep).join("\n"));
  }
  if (made.length > 0) return sumUp(made);
  const part = parsed.part === "" ? "This command was not understood." : `Not understood: "${parsed.part}".`;
  const reason = parsed.reason === undefined ? "" : ` ${parsed.reason}`;
  return {
    text:
      `${part}${reason} Nothing was done.\n\nI am a rule set and no language model; what I understand is:\n` +
      `${grammarText}Join steps with "then" or ";". For free text, set PAYGENT_MODEL to a language model.`,
    calls: [],
    finish: "other",
  };
}

/** Does the first step that is not done yet, or sums up when none is left. */
function work(
  steps: readonly CommandStep[],
  made: readonly MadeCall[],
  offered: ReadonlySet<string>,
  summary: (outcomes: readonly StepOutcome[]) => string,
): Answer {
  const outcomes: StepOutcome[] = [];
  let next: CommandStep | undefined;
  const unmatched = [...made];
  for (const step of steps) {
    if (!offered.has(step.tool)) {
      outcomes.push({ step, success: false, result: { error: { message: notOffered(step.tool) } } });
      continue;
    }
    // Matched by name alone and in any order: a human may have changed the arguments, a client's plan may have
    // run some calls already, and a payment must never be asked for a second time.
    const at = unmatched.findIndex((call) => call.name === step.tool);
    const [call] = at < 0 ? [] : unmatched.splice(at, 1);
    if (!call) {
      next = step;
      break;
    }
    outcomes.push({ step, success: call.success, result: call.result });
  }

  const plan = steps.length > 1 ? [{ name: planTool.name, args: { steps: planOf(steps, outcomes, next) } }] : [];
  if (next) {
    const place = steps.length > 1 ? `Step ${outcomes.length + 1} of ${steps.length}: ` : "Working on: ";
    const call = { name: next.tool, args: next.args };
    return { text: `${place}${next.title}.`, calls: [...plan, call], finish: "tool-calls" };
  }
  const isDone = outcomes.every((outcome) => outcome.success);
  return { text: summary(outcomes), calls: plan, finish: isDone ? "stop" : "other" };
}

function planOf(
  steps: readonly CommandStep[],
  outcomes: readonly StepOutcome[],
  next: CommandStep | undefined,
): PlanStep[] {
  return steps.map((step, index) => {
    const outcome = outcomes[index];
    if (outcome) return { title: step.title, status: outcome.success ? "done" : "skipped" };
    return { title: step.title, status: step === next ? "in_progress" : "pending" };
  });
}

function notOffered(tool: string): string {
  return `The tool ${tool} is not available here.`;
}

function research(topic: string, made: readonly MadeCall[], offered: ReadonlySet<string>): Answer {
  const steps: CommandStep[] = [
    { title: "List the services", tool: "discover_services", args: {} },
    { title: "Buy market-data", tool: "pay_service", args: { service: "market-data" } },
    { title: "Buy news", tool: "pay_service", args: { service: "news" } },
  ];
  return work(steps, made, offered, (outcomes) => {
    const lines = outcomes.slice(1).map((outcome) => {
      const source = `${outcome.step.args.service}`;
      return outcome.success ? `- ${source}: ${excerpt(outcome.result, 600)}` : `- ${reportStep(outcome)}`;
    });
    return `What the services say about "${topic.slice(0, 300)}":\n${lines.join("\n")}`;
  });
}

// A plan that came with the command may have run calls for a command that is free text.
function sumUp(made: readonly MadeCall[]): Answer {
  const lines = made.map((call) =>
    reportStep({ ...call, step: { title: `the call of ${call.name}`, tool: call.name, args: {} } }),
  );
  const isDone = made.every((call) => call.success);
  return { text: lines.join("\n"), calls: [], finish: isDone ? "stop" : "other" };
}

function isResearcher(prompt: LanguageModelV4Prompt): boolean {
  return prompt.some((message) => message.role === "system" && message.content.includes(researcher.instructions));
}

function lastCommand(prompt: LanguageModelV4Prompt): { readonly text: string; readonly index: number } {
  const index = prompt.findLastIndex((message) => message.role === "user");
  const message = prompt[index];
  if (message?.role !== "user") return { text: "", index };
  return { text: message.content.map((part) => (part.type === "text" ? part.text : "")).join(""), index };
}

function callsAfter(prompt: LanguageModelV4Prompt, start: number): MadeCall[] {
  const results = new Map<string, { success: boolean; result: unknown }>();
  const calls: { id: string; name: string }[] = [];
  for (const message of prompt.slice(start + 1)) {
    if (message.role !== "assistant" && message.role !== "tool") continue;
    for (const part of message.content) {
      if (part.type === "tool-call") calls.push({ id: part.toolCallId, name: part.toolName });
      if (part.type !== "tool-result") continue;
      const { output } = part;
      const result = "value" in output ? output.value : undefined;
      results.set(part.toolCallId, { success: output.type === "json" || output.type === "text", result });
    }
  }
  return calls
    .filter((call) => call.name !== planTool.name)
    .map(({ id, name }) => ({ name, ...(results.get(id) ?? { success: false, result: undefined }) }));
}

function finishOf(answer: Answer): LanguageModelV4FinishReason {
  return { unified: answer.finish, raw: undefined };
}

function contentOf(answer: Answer): LanguageModelV4Content[] {
  const calls = answer.calls.map((call, index) => ({ type: "tool-call" as const, ...writtenCall(call, index) }));
  return answer.text === "" ? calls : [{ type: "text", text: answer.text }, ...calls];
}

function partsOf(answer: Answer): LanguageModelV4StreamPart[] {
  const parts: LanguageModelV4StreamPart[] = [{ type: "stream-start", warnings: [] }];
  if (answer.text !== "") {
    parts.push({ type: "text-start", id: "0" });
    for (const delta of deltasOf(answer.text)) parts.push({ type: "text-delta", id: "0", delta });
    parts.push({ type: "text-end", id: "0" });
  }
  answer.calls.forEach((call, index) => {
    parts.push({ type: "tool-call", ...writtenCall(call, index) });
  });
  parts.push({ type: "finish", usage, finishReason: finishOf(answer) });
  return parts;
}

function writtenCall(call: Answer["calls"][number], index: number) {
  return { toolCallId: `call_${index}`, toolName: call.name, input: JSON.stringify(call.args) };
}

/** The text in about a dozen pieces, cut after spaces, so that a watcher sees it grow. */
function deltasOf(text: string): string[] {
  const size = Math.max(16, Math.ceil(text.length / 12));
  const deltas: string[] = [];
  let start = 0;
  while (start < text.length) {
    const space = text.indexOf(" ", start + size);
    const end = space < 0 || start + size >= text.length ? text.length : space + 1;
    deltas.push(text.slice(start, end));
    start = end;
  }
  return deltas;
}
