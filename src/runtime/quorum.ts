import { PaygentError } from "../protocol/errors.ts";
import { insertVote, votesOf } from "../store/approval-votes.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import type { Unit } from "../store/unit.ts";
import type { Caller } from "./access.ts";
import { approvalsNeeded } from "./policy.ts";

/**
 * How many people must approve this request: what was asked for, and no fewer when the session's tiers were
 * lowered while it waited.
 */
export function quorumOf({ session }: Unit, approval: ApprovalRow): number {
  return Math.max(approval.approvalsNeeded, approvalsNeeded(session.config, approval.micros));
}

/**
 * Counts a person's approval of a request that needs several; true when enough have approved. Whoever gave the
 * command cannot be one of them, and those who are no longer approvers do not count.
 */
export async function vote(
  unit: Unit,
  approval: ApprovalRow,
  {
    caller,
    needed,
    reason,
    ref,
  }: { caller: Caller; needed: number; reason: string | undefined; ref?: string | undefined },
): Promise<boolean> {
  if (caller.userId === unit.execution.userId) {
    throw new PaygentError(
      "forbidden",
      "You gave this command, so your approval does not count here; another approver of the session must decide.",
    );
  }
  const before = await votesOf(unit.tx, approval.id);
  const own = before.find(({ userId }) => userId === caller.userId);
  if (own !== undefined) throw votedAlready(approval, own);
  await insertVote(unit.tx, approval.id, { userId: caller.userId, reason, createdAt: unit.at });

  const { approvers } = unit.session.config;
  const approvals = 1 + before.filter(({ userId }) => approvers.includes(userId)).length;
  const isEnough = approvals >= needed;
  unit.append(
    "approval_vote",
    {
      ...(approval.subagentId === undefined ? {} : { subagent_id: approval.subagentId }),
      request_id: approval.id,
      tool_id: approval.toolId,
      by: caller.userId,
      ...(reason === undefined ? {} : { reason }),
      approvals,
      approvals_needed: needed,
    },
    // The last vote is answered by the decision that it completes.
    isEnough ? undefined : ref,
  );
  return isEnough;
}

function votedAlready({ id }: ApprovalRow, own: { userId: string; createdAt: string }): PaygentError {
  const details = {
    request_id: id,
    decision: "approved",
    decided_by: own.userId,
    decided_at: own.createdAt,
    still_pending: true,
  };
  const sentence = `You approved ${id} at ${own.createdAt} already; it waits for other approvers.`;
  return new PaygentError("already_decided", sentence, { details });
}
