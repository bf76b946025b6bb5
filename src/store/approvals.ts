import { type Selectable, sql } from "kysely";
import type { ApprovalRequired } from "../protocol/events.ts";
import type { ApprovalStatus } from "../protocol/resources.ts";
import type { Cursor } from "./cursor.ts";
import { sessionsToApprove } from "./sessions.ts";
import { change, type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

// As literals: SQLite uses a partial index only where the query's text names what the index is limited to.
const pending = sql.lit<ApprovalStatus>("pending");
const granted = [sql.lit<ApprovalStatus>("approved"), sql.lit<ApprovalStatus>("edited")];

export interface ApprovalRow {
  readonly id: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly userId: string;
  readonly toolId: string;
  readonly toolName: string;
  readonly subagentId: string | undefined;
  readonly args: Readonly<Record<string, unknown>>;
  /** Who is paid, by name. */
  readonly payee: string | undefined;
  /** The policy under which it was asked, or edited. */
  readonly policyVersion: number;
  /** How many different people must approve; 0 where any one decision is enough. */
  readonly approvalsNeeded: number;
  readonly boundHash: string;
  /** The frozen payment terms, as JSON. */
  readonly terms: string | undefined;
  readonly micros: bigint;
  readonly request: ApprovalRequired;
  readonly status: ApprovalStatus;
  readonly decidedBy: string | undefined;
  readonly decidedAt: string | undefined;
  readonly reason: string | undefined;
  readonly decisionPolicyVersion: number | undefined;
  readonly createdAt: string;
  readonly expiresAt: string;
}

type Raw = Selectable<Tables["approvals"]>;

function approvalRow(row: Raw): ApprovalRow {
  return {
    id: row.id,
    sessionId: row.session_id,
    executionId: row.execution_id,
    userId: row.user_id,
    toolId: row.tool_id,
    toolName: row.tool_name,
    subagentId: row.subagent_id ?? undefined,
    // Both columns hold what the insert below was given.
    args: JSON.parse(row.args) as Record<string, unknown>,
    payee: row.payee ?? undefined,
    policyVersion: row.policy_version,
    approvalsNeeded: row.approvals_needed,
    boundHash: row.bound_hash,
    terms: row.terms ?? undefined,
    micros: BigInt(row.micros),
    request: JSON.parse(row.request) as ApprovalRequired,
    status: row.status,
    decidedBy: row.decided_by ?? undefined,
    decidedAt: row.decided_at ?? undefined,
    reason: row.decision_reason ?? undefined,
    decisionPolicyVersion: row.decision_policy_version ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

const insertOne = change<{
  id: string;
  session_id: string;
  execution_id: string;
  user_id: string;
  tool_id: string;
  tool_name: string;
  subagent_id: string | null;
  args: string;
  payee: string | null;
  policy_version: number;
  approvals_needed: number;
  bound_hash: string;
  terms: string | null;
  micros: bigint;
  request: string;
  created_at: string;
  expires_at: string;
}>((db, param) =>
  db.insertInto("approvals").values({
    id: param("id"),
    session_id: param("session_id"),
    execution_id: param("execution_id"),
    user_id: param("user_id"),
    tool_id: param("tool_id"),
    tool_name: param("tool_name"),
    subagent_id: param("subagent_id"),
    args: param("args"),
    payee: param("payee"),
    policy_version: param("policy_version"),
    approvals_needed: param("approvals_needed"),
    bound_hash: param("bound_hash"),
    terms: param("terms"),
    micros: param("micros"),
    request: param("request"),
    status: pending,
    created_at: param("created_at"),
    expires_at: param("expires_at"),
  }),
);

/** Inserts a pending approval. */
export async function insertApproval(
  tx: Database,
  approval: Omit<ApprovalRow, "status" | "decidedBy" | "decidedAt" | "reason" | "decisionPolicyVersion">,
): Promise<void> {
  await insertOne(tx, {
    id: approval.id,
    session_id: approval.sessionId,
    execution_id: approval.executionId,
    user_id: approval.userId,
    tool_id: approval.toolId,
    tool_name: approval.toolName,
    subagent_id: approval.subagentId ?? null,
    args: JSON.stringify(approval.args),
    payee: approval.payee ?? null,
    policy_version: approval.policyVersion,
    approvals_needed: approval.approvalsNeeded,
    bound_hash: approval.boundHash,
    terms: approval.terms ?? null,
    micros: approval.micros,
    request: JSON.stringify(approval.request),
    created_at: approval.createdAt,
    expires_at: approval.expiresAt,
  });
}

const selectOne = statement<{ id: string }, Raw>((db, param) =>
  db.selectFrom("approvals").selectAll().where("id", "=", param("id")),
);

export async function findApproval(db: Database, id: string): Promise<ApprovalRow | undefined> {
  const [row] = await selectOne(db, { id });
  return row && approvalRow(row);
}

const decideOne = change<{
  id: string;
  status: ApprovalStatus;
  decidedBy: string | null;
  decidedAt: string;
  reason: string | null;
  decisionPolicyVersion: number;
  args: string;
  payee: string | null;
  policyVersion: number;
  boundHash: string;
  terms: string | null;
  micros: bigint;
}>((db, param) =>
  db
    .updateTable("approvals")
    .set({
      status: param("status"),
      decided_by: param("decidedBy"),
      decided_at: param("decidedAt"),
      decision_reason: param("reason"),
      decision_policy_version: param("decisionPolicyVersion"),
      args: param("args"),
      payee: param("payee"),
      policy_version: param("policyVersion"),
      bound_hash: param("boundHash"),
      terms: param("terms"),
      micros: param("micros"),
    })
    .where("id", "=", param("id"))
    .where("status", "=", pending),
);

/**
 * Moves an approval from pending; the caller holds the session's row and has seen there that it is. An edit brings
 * the arguments, terms and amount that replace those of the request.
 */
export async function decideApproval(
  tx: Database,
  approval: ApprovalRow,
  decision: {
    status: Exclude<ApprovalStatus, "pending">;
    decidedBy: string | undefined;
    decidedAt: string;
    reason: string | undefined;
    policyVersion: number;
    edited?: Pick<ApprovalRow, "args" | "payee" | "policyVersion" | "boundHash" | "terms" | "micros">;
  },
): Promise<void> {
  const bound = decision.edited ?? approval;
  await decideOne(tx, {
    id: approval.id,
    status: decision.status,
    decidedBy: decision.decidedBy ?? null,
    decidedAt: decision.decidedAt,
    reason: decision.reason ?? null,
    decisionPolicyVersion: decision.policyVersion,
    args: JSON.stringify(bound.args),
    payee: bound.payee ?? null,
    policyVersion: bound.policyVersion,
    boundHash: bound.boundHash,
    terms: bound.terms ?? null,
    micros: bound.micros,
  });
}

const selectOfExecution = statement<{ executionId: string }, Raw>((db, param) =>
  db.selectFrom("approvals").selectAll().where("execution_id", "=", param("executionId")),
);

export async function pendingOfExecution(tx: Database, executionId: string): Promise<ApprovalRow[]> {
  const rows = await selectOfExecution(tx, { executionId });
  // Sorted out here: told of the status, PostgreSQL looks through all pending approvals of all sessions as long as it
  // has not counted them.
  return rows.filter(({ status }) => status === "pending").map(approvalRow);
}

const selectDecided = statement<{ executionId: string; toolId: string }, Raw>((db, param) =>
  db
    .selectFrom("approvals")
    .selectAll()
    .where("execution_id", "=", param("executionId"))
    .where("tool_id", "=", param("toolId"))
    .where("status", "in", granted)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(sql.lit(1)),
);

/** The newest decision that lets a tool call run. */
export async function grantOf(db: Database, executionId: string, toolId: string): Promise<ApprovalRow | undefined> {
  const [row] = await selectDecided(db, { executionId, toolId });
  return row && approvalRow(row);
}

export async function pendingOfSession(db: Database, sessionId: string): Promise<ApprovalRow[]> {
  const rows = await db
    .selectFrom("approvals")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("status", "=", pending)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map(approvalRow);
}

const countPending = statement<{ sessionId: string }, { count: number | bigint | string }>((db, param) =>
  db
    .selectFrom("approvals")
    .select(({ fn }) => fn.countAll().as("count"))
    .where("session_id", "=", param("sessionId"))
    .where("status", "=", pending),
);

export async function countPendingApprovals(tx: Database, sessionId: string): Promise<number> {
  const [row] = await countPending(tx, { sessionId });
  return Number(row?.count ?? 0);
}

const selectDue = statement<{ now: string; limit: number }, Raw>((db, param) =>
  db
    .selectFrom("approvals")
    .selectAll()
    .where("status", "=", pending)
    .where("expires_at", "<=", param("now"))
    .orderBy("expires_at")
    .limit(param("limit")),
);

/** Pending approvals whose time is over. */
export async function dueApprovals(db: Database, now: string, limit: number): Promise<ApprovalRow[]> {
  return (await selectDue(db, { now, limit })).map(approvalRow);
}

/** The approvals of the sessions that a user owns or is an approver of, newest first. */
export async function listApprovals(
  db: Database,
  userId: string,
  page: { status: ApprovalStatus | undefined; before: Cursor | undefined; limit: number },
): Promise<ApprovalRow[]> {
  const { status } = page;
  const rows = await db
    .selectFrom("approvals")
    .selectAll()
    .where(({ eb, or }) => or([eb("user_id", "=", userId), eb("session_id", "in", sessionsToApprove(db, userId))]))
    .$if(status !== undefined, (query) => query.where("status", "=", status ?? "pending"))
    .$if(page.before !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple("created_at", "id"), "<", tuple(page.before?.at ?? "", page.before?.id ?? "")),
      ),
    )
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map(approvalRow);
}
