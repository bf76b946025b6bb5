import type { Reject } from "../protocol/messages.ts";
import { type ApprovalRow, decideApproval } from "../store/approvals.ts";
import { dropQuote } from "../store/payments.ts";
import type { Unit } from "../store/unit.ts";
import type { Caller } from "./access.ts";
import { release } from "./budget.ts";
import { type DecisionRequest, decide, decisionData } from "./decision.ts";
import type { Runtime } from "./runtime.ts";

/** Sees to it that a call never runs; the agent is told why and goes on. */
export async function reject(runtime: Runtime, caller: Caller, request: DecisionRequest<Reject>): Promise<void> {
  const { input, ref } = request;
  await decide(runtime, caller, request, async (unit, pending) => {
    await decideApproval(unit.tx, pending, {
      status: "rejected",
      decidedBy: caller.userId,
      decidedAt: unit.at,
      reason: input.reason,
      policyVersion: unit.session.policyVersion,
    });
    unit.append("rejected", decisionData(pending, caller, "rejected", input.reason), ref);
    const why = input.reason === undefined ? "" : ` The reason given: ${input.reason}`;
    await refuseCall(unit, pending, {
      code: "rejected",
      message: `${caller.userId} rejected this call; it did not run and must not be tried again in another form.${why}`,
    });
    return "decided";
  });
}

/** Gives the call of an approval the result that it did not run, and its money back. */
export async function refuseCall(
  unit: Unit,
  approval: ApprovalRow,
  error: { code: "rejected" | "approval_expired"; message: string },
): Promise<void> {
  const key = { executionId: approval.executionId, toolId: approval.toolId };
  await release(unit, key);
  await dropQuote(unit.tx, key, error.code === "rejected" ? "cancelled" : "expired", unit.at);
  unit.append("tool_result", {
    ...(approval.subagentId === undefined ? {} : { subagent_id: approval.subagentId }),
    tool_id: approval.toolId,
    tool_name: approval.toolName,
    result: null,
    success: false,
    error,
    duration_ms: Math.max(0, Date.parse(unit.at) - Date.parse(approval.createdAt)),
  });
}
