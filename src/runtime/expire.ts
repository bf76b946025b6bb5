import { type ApprovalRow, decideApproval } from "../store/approvals.ts";
import { goOn, resume } from "./decision.ts";
import { refuseCall } from "./reject.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

/** Ends an approval that nobody decided in time: the call does not run, and the agent is told. */
export async function expire(runtime: Runtime, due: ApprovalRow): Promise<void> {
  const key = { sessionId: due.sessionId, approvalId: due.id };
  using place = runtime.worker.place();
  const { value } = await commitCommand(runtime, key, async (unit) => {
    const { approval } = unit;
    if (approval.status !== "pending" || approval.expiresAt > unit.at) return undefined;
    await decideApproval(unit.tx, approval, {
      status: "expired",
      decidedBy: undefined,
      decidedAt: unit.at,
      reason: undefined,
      policyVersion: unit.session.policyVersion,
    });
    unit.append("approval_expired", {
      ...(approval.subagentId === undefined ? {} : { subagent_id: approval.subagentId }),
      request_id: approval.id,
      tool_id: approval.toolId,
    });
    await refuseCall(unit, approval, {
      code: "approval_expired",
      message: `Nobody decided on this call until ${approval.expiresAt}; it did not run.`,
    });
    return { resumed: resume(unit, runtime, place) };
  });
  if (value !== undefined) goOn(runtime, due.executionId, value.resumed);
}
