import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import { type ApprovalRow, grantOf } from "../store/approvals.ts";
import type { Store } from "../store/database.ts";
import { findSession } from "../store/sessions.ts";
import { insertToolStart, lastStart } from "../store/tool-starts.ts";
import { budgetOf, type Unit } from "../store/unit.ts";
import { type CheckedCall, checkArgs, toolNamed } from "./admit.ts";
import { requestApproval } from "./approval-request.ts";
import { boundHash } from "./binding.ts";
import type { CallState } from "./fold.ts";
import { type CallOutcome, ifAdmitted, type Performance } from "./performance.ts";
import { hostDenial } from "./policy.ts";
import { performPayment } from "./purchase.ts";
import { Stopped, unlessAborted } from "./stop.ts";
import type { Tool } from "./tool.ts";

const defaultTimeoutMs = 60_000;

/**
 * Carries one call as far as it goes: asks for its price, takes it through policy, and runs it at most as
 * often as its effect allows. What the agent should know of a failure is an outcome, not an exception.
 */
export async function performCall(run: Performance, call: CallState): Promise<"waiting" | CallOutcome> {
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
  run: Performance,
  tool: Extract<Tool, { effect: "read" | "write" }>,
  checked: CheckedCall,
  call: CallState,
  grant: ApprovalRow | undefined,
): Promise<"waiting" | CallOutcome> {
  const { executionId, store } = run;
  const last = await lastStart(store.db, executionId, call.toolId);
  const mayStart = last === undefined || (grant !== undefined && grant.createdAt > last.startedAt);
  if (!mayStart) {
    const reason = `${tool.name} was interrupted and may have happened already. Run it again?`;
    const full = await run.commit((unit) => requestApproval(unit, checked, { rule: "interrupted", reason }));
    if (full === undefined) return "waiting";
    return {
      error: new PaygentError("interrupted", `${tool.name} was interrupted; whether it happened is not known.`),
    };
  }
  const start = { executionId, toolId: call.toolId, attempt: (last?.attempt ?? 0) + 1 };
  const recordStart = (unit: Unit) => insertToolStart(unit.tx, start, unit.at);
  const instead = await ifAdmitted(run, checked, grant, recordStart);
  if (instead !== undefined) return instead;
  if (grant !== undefined) await run.commit(recordStart);
  return runTool(run, tool, checked, call);
}

async function runTool(
  run: Performance,
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

function requireHost(host: string, config: SessionConfig): void {
  const denial = hostDenial(host, config);
  if (denial !== undefined) throw denial;
}

async function readBudget(run: Performance) {
  const session = await findSession(run.store.db, run.sessionId);
  if (session === undefined) throw new Error(`Session ${run.sessionId} is gone.`);
  return budgetOf(session.config, session.spentMicros, session.reservedMicros);
}

function failureOf(run: Performance, error: unknown): CallOutcome {
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
