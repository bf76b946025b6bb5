import { PaygentError } from "../protocol/errors.ts";
import type { DurableEventData } from "../protocol/events.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import { type ApprovalRow, findApproval } from "../store/approvals.ts";
import type { Store } from "../store/database.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { Unit } from "../store/unit.ts";
import { type Caller, isMember, notFound, requireApprover, requireMember } from "./access.ts";
import type { RunPlace } from "./dispatcher.ts";
import { claimLease, releaseLease } from "./lease.ts";
import type { Claim } from "./run-log.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

/** A decision as it came in. `sessionId` is set where a socket of that session sent it. */
export interface DecisionRequest<Input extends { request_id: string }> {
  readonly input: Input;
  readonly sessionId?: string | undefined;
  readonly ref?: string | undefined;
}

/** What the log says once a decision is made. */
export type DecisionData = DurableEventData["approved"];

/** The approval that a caller speaks of, with its session; the same `not_found` for unknown and foreign ones. */
export async function approvalFor(
  runtime: Pick<Runtime, "store">,
  caller: Caller,
  { input, sessionId }: DecisionRequest<{ request_id: string }>,
): Promise<{ approval: ApprovalRow; session: SessionRow }> {
  const { db } = runtime.store;
  const found = await findApproval(db, input.request_id);
  if (sessionId !== undefined && found?.sessionId !== sessionId) throw notFound("approval");
  const { row: approval, session } = await requireMember(db, caller, found, "approval");
  requireApprover(session, caller);
  return { approval, session };
}

/**
 * Carries a decision out, once: `apply` runs under the session's lock with the approval still pending. Once it
 * is decided the execution goes on where it waited. Throws `already_decided`, `approval_expired`, `execution_ended`.
 */
export async function decide(
  runtime: Runtime,
  caller: Caller,
  { input, sessionId }: DecisionRequest<{ request_id: string }>,
  apply: (unit: Unit, approval: ApprovalRow) => Promise<"decided" | "pending">,
): Promise<void> {
  const approvalId = input.request_id;
  const key = { sessionId: sessionId ?? (await sessionOf(runtime.store, approvalId)), approvalId, caller };
  using place = runtime.worker.place();
  const { value } = await commitCommand(runtime, key, async (unit) => {
    const { approval, execution, session } = unit;
    if (!isMember(session, caller)) throw notFound("approval");
    requireApprover(session, caller);
    refuseUnlessPending(approval, unit.at);
    if (execution.cancelBy !== null) throw executionEnded(approval.id);
    const resumed = (await apply(unit, approval)) === "decided" ? resume(unit, runtime, place) : undefined;
    return { executionId: execution.id, resumed };
  });
  goOn(runtime, value.executionId, value.resumed);
}

async function sessionOf({ db }: Pick<Store, "db">, approvalId: string): Promise<string> {
  const approval = await findApproval(db, approvalId);
  if (approval === undefined) throw notFound("approval");
  return approval.sessionId;
}

type Resumed = { claimed: Claim; execution: ExecutionRow; config: SessionConfig } | "offered" | undefined;

/**
 * Takes a waiting execution up again, in the transaction that ended its wait. A full node leaves it to another,
 * or to itself for later.
 */
export function resume(unit: Unit, { nodeId }: Pick<Runtime, "nodeId">, place: RunPlace): Resumed {
  if (unit.execution.status !== "waiting") return undefined;
  const claimed = claimLease(unit, nodeId);
  if (place.take()) return { claimed, execution: unit.execution, config: unit.session.config };
  releaseLease(unit);
  return "offered";
}

/** Starts the run that `resume` claimed, or tells the one that is under way to look at the log. */
export function goOn(runtime: Runtime, executionId: string, resumed: Resumed): void {
  if (resumed === undefined) runtime.worker.poke(executionId);
  else if (resumed === "offered") runtime.worker.offer();
  else runtime.worker.start(resumed.claimed, resumed.execution, resumed.config, undefined);
}

function refuseUnlessPending(approval: ApprovalRow, now: string): void {
  const { id, status, decidedBy, decidedAt, expiresAt } = approval;
  switch (status) {
    case "pending":
      if (expiresAt > now) return;
      throw new PaygentError("approval_expired", `Approval ${id} expired at ${expiresAt}; ask the agent again.`);
    case "expired":
      throw new PaygentError("approval_expired", `Approval ${id} expired at ${expiresAt}; ask the agent again.`);
    case "cancelled":
      throw executionEnded(id);
    case "approved":
    case "rejected":
    case "edited":
      throw new PaygentError(
        "already_decided",
        `Approval ${id} was already ${status} by ${decidedBy} at ${decidedAt}.`,
        {
          details: { request_id: id, decision: status, decided_by: decidedBy, decided_at: decidedAt },
        },
      );
  }
}

function executionEnded(approvalId: string): PaygentError {
  return new PaygentError("execution_ended", `The execution that approval ${approvalId} belongs to has ended.`);
}

export function decisionData(
  approval: ApprovalRow,
  caller: Caller,
  decision: DecisionData["decision"],
  reason: string | undefined,
) {
  return {
    ...(approval.subagentId === undefined ? {} : { subagent_id: approval.subagentId }),
    request_id: approval.id,
    tool_id: approval.toolId,
    decision,
    decided_by: caller.userId,
    ...(reason === undefined ? {} : { reason }),
  };
}
