import { executionsBefore } from "../store/executions.ts";
import type { Database } from "../store/statement.ts";
import type { ModelMessage } from "./agent-model.ts";
import type { AgentState, CallState } from "./fold.ts";

const rememberedExecutions = 20;

/**
 * What a session's last executions were told and what they answered, for the model of a later one, in the order
 * in which it was said. Of their rows and not of their events, which may be archived.
 */
export async function sessionMemory(db: Database, sessionId: string, beforeSeq: number): Promise<ModelMessage[]> {
  const executions = await executionsBefore(db, sessionId, beforeSeq, rememberedExecutions);
  const said = executions.flatMap(({ command, status, result, firstSeq, lastSeq }) => {
    const told: { seq: number; message: ModelMessage } = { seq: firstSeq, message: { role: "user", text: command } };
    const text = status === "completed" && lastSeq < beforeSeq ? result?.text : undefined;
    if (typeof text !== "string") return [told];
    return [told, { seq: lastSeq, message: { role: "assistant", text, toolCalls: [] } satisfies ModelMessage }];
  });
  return said.sort((one, other) => one.seq - other.seq).map(({ message }) => message);
}

/** One agent's own messages: its task, then what it asked for and got, step by step. */
export function agentMessages(task: string, agent: AgentState, calls: readonly CallState[]): ModelMessage[] {
  const messages: ModelMessage[] = [{ role: "user", text: task }];
  const steps = new Set(calls.map((call) => call.step));
  for (const step of steps) {
    const ofStep = calls.filter((call) => call.step === step);
    messages.push({
      role: "assistant",
      text: agent.texts.get(step) ?? "",
      toolCalls: ofStep.map(({ toolId, name, args }) => ({ toolId, name, args })),
    });
    for (const call of ofStep) messages.push(toolMessage(call));
  }
  return messages;
}

/** What the model is told of a finished call, and of what a human did with it. */
function toolMessage(call: CallState): ModelMessage {
  const { result, request } = call;
  const base = { role: "tool", toolId: call.toolId, name: call.name } as const;
  if (result === undefined) throw new Error(`Tool call ${call.toolId} has no result yet.`);
  if (!result.success) return { ...base, success: false, result: { error: result.error } };
  if (request?.status !== "edited") return { ...base, success: true, result: result.result };
  return {
    ...base,
    success: true,
    result: {
      note:
        "A human changed the arguments of this call before it ran, and it ran with the changed ones. " +
        "The original call is settled by this: do not make it again.",
      ran_with: request.editedArgs,
      result: result.result,
    },
  };
}
