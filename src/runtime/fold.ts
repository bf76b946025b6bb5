import type { Cost, Decision, DurableEvent, ErrorInfo, PlanStep } from "../protocol/events.ts";
import type { StoredEvent } from "../store/event-log.ts";

/** Where a tool call stands, as the log tells it. */
export interface CallState {
  readonly toolId: string;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly step: number;
  readonly seq: number;
  readonly proposedAt: number;
  request?: {
    readonly requestId: string;
    status: "pending" | "expired" | Decision;
    decidedBy?: string;
    reason?: string | undefined;
    editedArgs?: Readonly<Record<string, unknown>> | undefined;
  };
  result?: { readonly success: boolean; readonly result: unknown; readonly error?: ErrorInfo; readonly cost?: Cost };
}

/** One agent of an execution: the root, or a subagent that a `delegate` call started. */
export interface AgentState {
  readonly subagentId: string | undefined;
  readonly type: string;
  readonly task: string;
  readonly startedAt: number;
  /** The call that started it, of the agent above. */
  readonly startedBy: string | undefined;
  readonly calls: CallState[];
  /** What the agent said beside its calls, by step. */
  readonly texts: Map<number, string>;
  /** The last step that was begun. */
  step: number;
  /** Whether the model's answer for the last begun step is still to come. */
  isThinking: boolean;
  hasEnded: boolean;
}

/** The state of an execution: a fold over its events. */
export interface ExecutionFold {
  readonly root: AgentState;
  readonly agents: Map<string, AgentState>;
  /** The execution's plan; a subagent's own is told to the watchers only. */
  plan: { readonly steps: readonly PlanStep[]; readonly seq: number } | undefined;
  firstSeq: number;
  lastSeq: number;
  hasEnded: boolean;
}

function newAgent(agent: Pick<AgentState, "subagentId" | "type" | "task" | "startedAt" | "startedBy">): AgentState {
  return { ...agent, calls: [], texts: new Map(), step: 0, isThinking: false, hasEnded: false };
}

export function newFold(command: string, startedAt: number): ExecutionFold {
  const root = newAgent({ subagentId: undefined, type: "root", task: command, startedAt, startedBy: undefined });
  return { root, agents: new Map(), plan: undefined, firstSeq: 0, lastSeq: 0, hasEnded: false };
}

function agentOf(fold: ExecutionFold, subagentId: string | undefined): AgentState {
  if (subagentId === undefined) return fold.root;
  const agent = fold.agents.get(subagentId);
  if (agent === undefined) throw new Error(`The log names subagent ${subagentId} before it starts it.`);
  return agent;
}

function callOf(agent: AgentState, toolId: string): CallState {
  const call = agent.calls.find((candidate) => candidate.toolId === toolId);
  if (call === undefined) throw new Error(`The log names tool call ${toolId} before it proposes it.`);
  return call;
}

export function openCalls(agent: AgentState): CallState[] {
  return agent.calls.filter((call) => call.result === undefined);
}

/** Every agent of the execution, the root first. */
export function allAgents(fold: ExecutionFold): AgentState[] {
  return [fold.root, ...fold.agents.values()];
}

/** Applies an event that the log holds. */
export function applyEvent(fold: ExecutionFold, stored: StoredEvent): void {
  // The text was written by this runtime from typed data; the log is never anybody else's input.
  const event = JSON.parse(stored.text) as DurableEvent;
  if (fold.firstSeq === 0) fold.firstSeq = event.seq;
  fold.lastSeq = Math.max(fold.lastSeq, event.seq);
  switch (event.type) {
    case "thinking": {
      const agent = agentOf(fold, event.data.subagent_id);
      if (event.data.thought_process === undefined) {
        agent.step = event.data.step;
        agent.isThinking = true;
      } else {
        agent.texts.set(event.data.step, event.data.thought_process);
      }
      return;
    }
    case "plan":
      if (event.data.subagent_id === undefined) fold.plan = { steps: event.data.steps, seq: event.seq };
      agentOf(fold, event.data.subagent_id).isThinking = false;
      return;
    case "tool_call": {
      const agent = agentOf(fold, event.data.subagent_id);
      agent.isThinking = false;
      agent.calls.push({
        toolId: event.data.tool_id,
        name: event.data.tool_name,
        args: event.data.tool_args,
        step: event.data.step,
        seq: event.seq,
        proposedAt: Date.parse(event.timestamp),
      });
      return;
    }
    case "approval_required":
      callOf(agentOf(fold, event.data.subagent_id), event.data.tool_id).request = {
        requestId: event.data.request_id,
        status: "pending",
      };
      return;
    case "approved":
    case "rejected":
    case "edit_approved":
      callOf(agentOf(fold, event.data.subagent_id), event.data.tool_id).request = {
        requestId: event.data.request_id,
        status: event.data.decision,
        decidedBy: event.data.decided_by,
        reason: event.data.reason,
        editedArgs: event.data.edited_args,
      };
      return;
    case "approval_expired":
      callOf(agentOf(fold, event.data.subagent_id), event.data.tool_id).request = {
        requestId: event.data.request_id,
        status: "expired",
      };
      return;
    case "tool_result":
      callOf(agentOf(fold, event.data.subagent_id), event.data.tool_id).result = event.data;
      return;
    case "subagent_start":
      fold.agents.set(
        event.data.subagent_id,
        newAgent({
          subagentId: event.data.subagent_id,
          type: event.data.subagent_type,
          task: event.data.task,
          startedAt: Date.parse(event.timestamp),
          startedBy: event.data.tool_id,
        }),
      );
      return;
    case "subagent_end":
      agentOf(fold, event.data.subagent_id).hasEnded = true;
      return;
    case "complete":
    case "cancelled":
      fold.hasEnded = true;
      return;
    case "error":
      if (event.data.fatal) fold.hasEnded = true;
      return;
    case "execution_started":
    case "approval_vote":
    case "freeze":
    case "budget":
      return;
  }
}
