import { randomUUID } from "node:crypto";
import { budgetOf } from "../protocol/budget.ts";
import { PaygentError } from "../protocol/errors.ts";
import { type ApprovalRow, grantOf } from "../store/approvals.ts";
import type { Store } from "../store/database.ts";
import { dropQuote, findPayment } from "../store/payments.ts";
import { findSession } from "../store/sessions.ts";
import type { SpendKey } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { boundHash } from "./binding.ts";
import { release } from "./budget.ts";
import { type CallOutcome, type CallRun, ifAdmitted } from "./call-run.ts";
import { type CheckedCall, checkArgs, toolNamed } from "./checked-call.ts";
import type { CallState } from "./fold.ts";
import { requireHost } from "./policy.ts";
import { performPayment } from "./purchase.ts";
import { startOnce } from "./start-once.ts";
import { Stopped, unlessAborted } from "./stop.ts";
import type { Tool } from "./tool.ts";
import { traced } from "./traced.ts";

const defaultTimeoutMs = 60_000;

/**
 * Carries one call as far as it goes: asks for its price, takes it through policy, and runs it at most as
 * often as its effect allows. What the agent should know of a failure is an outcome, not an exception.
 */
export function performCall(run: CallRun, call: CallState): Promise<"waiting" | CallOutcome> {
  const attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": call.name,
    "gen_ai.tool.call.id": call.toolId,
  };
  return traced(`execute_tool ${call.name}`, attributes, () => perform(run, call));
}

async function perform(run: CallRun, call: CallState): Promise<"waiting" | CallOutcome> {
  const outcome = await carryOut(run, call);
  const wasQuoted = call.request !== undefined && run.tools.get(call.name)?.effect === "payment";
  if (outcome === "waiting" || !wasQuoted) return outcome;
  const key = { executionId: run.executionId, toolId: call.toolId };
  return {
    ...outcome,
    async record(unit) {
      await outcome.record?.(unit);
      await giveUpQuote(unit, key);
    },
  };
}

/** Gives back what was set aside for a question, where the call has ended without paying. */
async function giveUpQuote(unit: Unit, key: SpendKey): Promise<void> {
  if ((await findPayment(unit.tx, key))?.state !== "quoted") return;
  await release(unit, key);
  await dropQuote(unit.tx, key, "cancelled", unit.at);
}

async function carryOut(run: CallRun, call: CallState): Promise<"waiting" | CallOutcome> {
  try {
    const tool = toolNamed(run.tools, call.name);
    const grant = await grantFor(run.store, run.executionId, call);
    const checked: CheckedCall = {
      toolId: call.toolId,
      tool,
      args: grant?.args ?? checkArgs(tool, call.args),
      subagentId: run.subagentId,
      stepCapMicros: run.stepCapMicros,
    };
    switch (tool.effect) {
      case "read":
        return (await ifAdmitted(run, checked, grant)) ?? (await runTool(run, tool, checked, call));
      case "write":
        // In line before anything is awaited, so that effects happen in the order in which they were asked for.
        return await run.withEffect(() => performWrite(run, tool, checked, call, grant));
      case "payment":
        return await performPayment(run, tool, checked, grant);
      case "question":
        return (await ifAdmitted(run, checked, grant)) ?? answerOf(checked, grant);
      case "delegate":
        throw new Error("A delegated task is run by its subagent.");
    }
  } catch (error) {
    return failureOf(run, error);
  }
}

/** What a human let a call run with, if they did. Throws when it is not what the approval was given for. */
export async function grantFor(
  { db }: Pick<Store, "db">,
  executionId: string,
  { request, toolId }: CallState,
): Promise<ApprovalRow | undefined> {
  if (request?.status !== "approved" && request?.status !== "edited") return undefined;
  const grant = await grantOf(db, executionId, toolId);
  if (grant === undefined || boundHash(grant) === grant.boundHash) return grant;
  const sentence = `What approval ${grant.id} was given for is not what would run now; ask the agent again.`;
  throw new PaygentError("policy_denied", sentence, { details: { rule: "bound_hash" } });
}

/** A human's answer: the edited arguments' `answer`, else the reason given with the approval. */
function answerOf(call: CheckedCall, grant: ApprovalRow | undefined): CallOutcome {
  const { answer } = call.args;
  return { result: { answer: typeof answer === "string" ? answer : (grant?.reason ?? "yes") } };
}

async function performWrite(
  run: CallRun,
  tool: Extract<Tool, { effect: "read" | "write" }>,
  checked: CheckedCall,
  call: CallState,
  grant: ApprovalRow | undefined,
): Promise<"waiting" | CallOutcome> {
  const instead = await startOnce(run, checked, grant);
  if (instead !== undefined) return instead;
  return runTool(run, tool, checked, call);
}

async function runTool(
  run: CallRun,
  tool: Extract<Tool, { effect: "read" | "write" }>,
  checked: CheckedCall,
  call: CallState,
): Promise<CallOutcome> {
  run.mark(tool.effect === "read" ? "aborted" : "unknown");
  const timeoutMs = tool.timeoutMs ?? defaultTimeoutMs;
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    const sentence = `${tool.name} did not answer within ${timeoutMs / 1000} seconds.`;
    timeout.abort(new PaygentError("timeout", sentence));
  }, timeoutMs);
  const signal = AbortSignal.any([run.signal, timeout.signal]);
  try {
    const running = tool.run(checked.args, {
      sessionId: run.sessionId,
      executionId: run.executionId,
      toolId: call.toolId,
      signal,
      proposedAt: call.proposedAt,
      now: () => run.clock.now(),
      budget: () => readBudget(run),
      requireHost: (host) => requireHost(host, run.config),
    });
    return { result: await unlessAborted(running, signal) };
  } finally {
    clearTimeout(timer);
  }
}

async function readBudget(run: CallRun) {
  const session = await findSession(run.store.db, run.sessionId);
  if (session === undefined) throw new Error(`Session ${run.sessionId} is gone.`);
  return budgetOf(session.config, session.spentMicros, session.reservedMicros);
}

function failureOf(run: CallRun, error: unknown): CallOutcome {
  if (error instanceof Stopped || run.signal.aborted) throw error;
  if (error instanceof PaygentError) {
    if (error.code === "unavailable") throw error;
    return { error, isFatal: error.code === "budget_exceeded" };
  }
  const correlationId = randomUUID();
  run.log.error(
    { session_id: run.sessionId, execution_id: run.executionId, correlation_id: correlationId, err: error },
    "tool failed",
  );
  return { error: new PaygentError("tool_failed", `The tool failed; the log has the cause under ${correlationId}.`) };
}
