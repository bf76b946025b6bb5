import { budgetOf } from "../protocol/budget.ts";
import type { Freeze } from "../protocol/freeze.ts";
import { formatUsd } from "../protocol/money.ts";
import type {
  Approval,
  ApprovalRecord,
  ArchivedEvents,
  Execution,
  Session,
  SpendRuleInfo,
} from "../protocol/resources.ts";
import type { Revocation } from "../protocol/revocation.ts";
import type { VoteRow } from "../store/approval-votes.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { FreezeRow } from "../store/freezes.ts";
import type { RevocationRow } from "../store/revocations.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { SpendRuleRow } from "../store/spend-rules.ts";

export function sessionView(row: SessionRow): Session {
  return {
    id: row.id,
    title: row.title,
    status: row.status,
    config: row.config,
    policy_version: row.policyVersion,
    ...(row.firstSeq === 1 ? {} : { first_seq: row.firstSeq }),
    last_seq: row.lastSeq,
    budget: budgetOf(row.config, row.spentMicros, row.reservedMicros),
    created_at: row.createdAt,
  };
}

/** Says what is missing of the events after `afterSeq`, where some were archived. */
export function archivedView(
  { id, firstSeq }: Pick<SessionRow, "id" | "firstSeq">,
  afterSeq: number,
): ArchivedEvents | undefined {
  const last_seq = firstSeq - 1;
  if (last_seq <= afterSeq) return undefined;
  const message = `Events 1 to ${last_seq} of this session are no longer in the database but in the server's archive, in the folder ${id}. Whoever runs the server has them.`;
  return { last_seq, message };
}

export function executionView(row: ExecutionRow): Execution {
  return {
    execution_id: row.id,
    session_id: row.sessionId,
    command: row.command,
    status: row.status,
    created_at: row.createdAt,
    ...(row.startedAt === null ? {} : { started_at: row.startedAt }),
    ...(row.endedAt === null ? {} : { ended_at: row.endedAt }),
    total_cost_usd: formatUsd(row.spentMicros),
    // Written by the run that ended it, with a text.
    ...(row.result === null ? {} : { result: row.result as Execution["result"] }),
    ...(row.error === null ? {} : { error: row.error }),
  };
}

export function approvalView(row: ApprovalRow): Approval {
  const base = { ...row.request, created_at: row.createdAt };
  const decided_at = row.decidedAt ?? row.createdAt;
  const decision = {
    decided_by: row.decidedBy ?? "",
    decided_at,
    ...(row.reason === undefined ? {} : { decision_reason: row.reason }),
  };
  switch (row.status) {
    case "pending":
      return { ...base, status: "pending" };
    case "approved":
      return { ...base, status: "approved", ...decision };
    case "rejected":
      return { ...base, status: "rejected", ...decision };
    case "edited":
      return { ...base, status: "edited", ...decision, edited_args: row.args };
    case "expired":
      return { ...base, status: "expired", decided_at };
    case "cancelled":
      return { ...base, status: "cancelled", decided_at };
  }
}

export function approvalRecordView(row: ApprovalRow, votes: readonly VoteRow[]): ApprovalRecord {
  return {
    approval: approvalView(row),
    bound_hash: row.boundHash,
    bound: {
      tool_name: row.toolName,
      tool_args: row.args,
      payee: row.payee ?? null,
      terms: row.terms ?? null,
      expires_at: row.expiresAt,
      policy_version: row.policyVersion,
    },
    ...(row.decisionPolicyVersion === undefined ? {} : { decision_policy_version: row.decisionPolicyVersion }),
    votes: votes.map(({ userId, reason, createdAt }) => ({
      by: userId,
      at: createdAt,
      ...(reason === undefined ? {} : { reason }),
    })),
  };
}

export function freezeView({ scope, subject, byUser, reason, createdAt }: FreezeRow): Freeze {
  return {
    scope,
    ...(scope === "session" ? { session_id: subject } : {}),
    ...(scope === "user" ? { user_id: subject } : {}),
    by: byUser,
    ...(reason === undefined ? {} : { reason }),
    frozen_at: createdAt,
  };
}

export function revocationView({ kind, subject, byUser, revokedAt }: RevocationRow): Revocation {
  return { [kind === "token" ? "token_id" : "user_id"]: subject, by: byUser, revoked_at: revokedAt };
}

export function spendRuleView(row: SpendRuleRow): SpendRuleInfo {
  return {
    id: row.id,
    session_id: row.sessionId,
    tool_name: row.toolName,
    ...(row.payee === undefined ? {} : { payee: row.payee }),
    max_amount: formatUsd(row.maxMicros),
    ...(row.totalMicros === undefined ? {} : { total: formatUsd(row.totalMicros) }),
    used: formatUsd(row.usedMicros),
    ...(row.expiresAt === undefined ? {} : { expires_at: row.expiresAt }),
    created_at: row.createdAt,
    ...(row.revokedAt === undefined ? {} : { revoked_at: row.revokedAt }),
  };
}
