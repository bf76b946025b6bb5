import type { PlanStep } from "../protocol/events.ts";
import type { PlanInput } from "../protocol/messages.ts";
import type { ModelReply } from "./agent-model.ts";
import type { CallState, ExecutionFold } from "./fold.ts";

/** The step of a client's plan that is being worked on, with the calls made for it so far. */
export interface CurrentStep {
  readonly input: PlanInput;
  readonly index: number;
  readonly calls: readonly CallState[];
}

export function currentStep(plan: readonly PlanInput[], fold: ExecutionFold): CurrentStep | undefined {
  const index = fold.plan?.steps.findIndex((step) => step.status === "in_progress") ?? -1;
  const input = plan[index];
  if (input === undefined) return undefined;
  return { input, index, calls: fold.root.calls.filter((call) => call.seq > (fold.plan?.seq ?? 0)) };
}

/** What comes next, and whether it is the end. */
export interface NextReply {
  readonly reply: ModelReply;
  readonly isEnd: boolean;
}

/**
 * What a client's plan says comes next. A step that names a tool is run as it stands; one that is only a
 * title is put to the model by `ask`, as a command of its own. A step that fails is skipped, and said so.
 */
export async function followPlan(
  plan: readonly PlanInput[],
  fold: ExecutionFold,
  ask: (current: CurrentStep) => Promise<ModelReply>,
): Promise<NextReply> {
  const steps = fold.plan?.steps ?? plan.map(({ title }): PlanStep => ({ title, status: "pending" }));
  const current = currentStep(plan, fold);
  if (current === undefined) return goingOn(begin(plan, steps, 0));

  if (current.input.tool_name !== undefined) {
    const [call] = current.calls;
    if (call === undefined) return goingOn(begin(plan, steps, current.index));
    return advance(plan, steps, current.index, call.result?.success === true);
  }
  const reply = await ask(current);
  if (reply.calls.length > 0) return goingOn({ ...reply, plan: undefined });
  const next = advance(plan, steps, current.index, reply.success);
  return { ...next, reply: { ...next.reply, text: reply.text || next.reply.text } };
}

function goingOn(reply: ModelReply): NextReply {
  return { reply, isEnd: false };
}

function advance(plan: readonly PlanInput[], steps: readonly PlanStep[], index: number, succeeded: boolean): NextReply {
  const ticked = withStatus(steps, index, succeeded ? "done" : "skipped");
  const isEnd = index + 1 === plan.length;
  return { reply: isEnd ? summary(ticked) : begin(plan, ticked, index + 1), isEnd };
}

function begin(plan: readonly PlanInput[], steps: readonly PlanStep[], index: number): ModelReply {
  const input = plan[index];
  const calls = input?.tool_name === undefined ? [] : [{ name: input.tool_name, args: input.tool_args ?? {} }];
  return { text: "", calls, plan: withStatus(steps, index, "in_progress"), success: true };
}

function summary(steps: readonly PlanStep[]): ModelReply {
  const lines = steps.map((step) => `${step.status === "done" ? "Done" : "Not done"}: ${step.title}`);
  return { text: lines.join("\n"), calls: [], plan: steps, success: steps.every((step) => step.status === "done") };
}

function withStatus(steps: readonly PlanStep[], index: number, status: PlanStep["status"]): PlanStep[] {
  return steps.map((step, at) => (at === index ? { ...step, status } : step));
}
