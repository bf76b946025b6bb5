import { PaygentError } from "../protocol/errors.ts";
import { formatUsd } from "../protocol/money.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { Unit } from "../store/unit.ts";
import type { ModelReply } from "./agent-model.ts";
import type { CallOutcome } from "./call-run.ts";
import { errorInfo } from "./error-info.ts";
import { finish } from "./finish.ts";
import { type AgentState, allAgents, type CallState, type ExecutionFold, openCalls } from "./fold.ts";

/** What a unit of a run works on beside the log. */
export interface Telling {
  readonly fold: ExecutionFold;
  readonly config: SessionConfig;
}

/** Marks an event as a subagent's. */
export function ofAgent(agent: AgentState): { subagent_id?: string } {
  return agent.subagentId === undefined ? {} : { subagent_id: agent.subagentId };
}

/** Whether the execution may take another step, over all its agents. */
export function hasStepsLeft({ fold, config }: Telling): boolean {
  return allAgents(fold).reduce((sum, agent) => sum + agent.step, 0) < config.max_steps;
}

export function tellThinking(unit: Unit, agent: AgentState): void {
  const { plan } = unit.execution;
  unit.append("thinking", {
    ...ofAgent(agent),
    command: agent.task,
    step: agent.step + 1,
    ...(plan === undefined || agent.subagentId !== undefined ? {} : { total_steps: plan.length }),
  });
}

/** `startedAt` is when the work on the call began, without the time that a human took to decide. */
export async function tellResult(
  unit: Unit,
  telling: Telling,
  { agent, call }: { agent: AgentState; call: CallState },
  outcome: CallOutcome,
  startedAt = call.proposedAt,
): Promise<void> {
  await outcome.record?.(unit);
  unit.append("tool_result", {
    ...ofAgent(agent),
    tool_id: call.toolId,
    tool_name: call.name,
    result: outcome.result ?? null,
    success: outcome.error === undefined,
    ...(outcome.error === undefined ? {} : { error: errorInfo(outcome.error) }),
    duration_ms: Math.max(0, Date.parse(unit.at) - startedAt),
    ...(outcome.cost === undefined ? {} : { cost: outcome.cost }),
  });
  unit.tellBudget();
  const isLast = openCalls(agent).every((open) => open.toolId === call.toolId);
  // The model is asked next; saying so here saves a commit of its own.
  if (isLast && outcome.isFatal !== true && hasStepsLeft(telling)) tellThinking(unit, agent);
}

/** Ends an agent with the last thing it said: a subagent's answer is the result of the call that started it. */
export async function tellEnd(
  unit: Unit,
  telling: Telling,
  agent: AgentState,
  reply: ModelReply,
  messageId: string,
): Promise<void> {
  if (reply.plan !== undefined) unit.append("plan", { ...ofAgent(agent), steps: [...reply.plan] });
  const duration_ms = Math.max(0, Date.parse(unit.at) - agent.startedAt);
  if (agent.subagentId === undefined) return tellComplete(unit, telling.fold, reply, { duration_ms, messageId });
  unit.append("subagent_end", {
    subagent_id: agent.subagentId,
    result: reply.text,
    success: reply.success,
    duration_ms,
  });
  const error = reply.success ? undefined : new PaygentError("tool_failed", reply.text || "The subagent failed.");
  const outcome = { result: { text: reply.text }, ...(error === undefined ? {} : { error }) };
  await tellResult(unit, telling, startOf(telling.fold, agent), outcome);
}

async function tellComplete(
  unit: Unit,
  fold: ExecutionFold,
  reply: ModelReply,
  { duration_ms, messageId }: { duration_ms: number; messageId: string },
): Promise<void> {
  await finish(unit, "completed", [], () =>
    unit.append("complete", {
      result: { text: reply.text },
      success: reply.success,
      total_cost: `${formatUsd(unit.execution.spentMicros)} USD`,
      duration_ms,
      tool_calls: allAgents(fold).flatMap(({ calls }) => calls.map(summaryOf)),
      message_id: messageId,
    }),
  );
  unit.execution.result = { text: reply.text, success: reply.success };
}

function startOf(fold: ExecutionFold, subagent: AgentState): { agent: AgentState; call: CallState } {
  for (const agent of allAgents(fold)) {
    const call = agent.calls.find(({ toolId }) => toolId === subagent.startedBy);
    if (call !== undefined) return { agent, call };
  }
  throw new Error(`No call started subagent ${subagent.subagentId}.`);
}

function summaryOf(call: CallState) {
  return {
    tool_id: call.toolId,
    tool_name: call.name,
    success: call.result?.success === true,
    ...(call.result?.cost === undefined ? {} : { cost: call.result.cost }),
  };
}
