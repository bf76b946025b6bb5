import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** In the order in which they refer to each other. */
const tables = [
  createSessions,
  createSessionApprovers,
  createExecutions,
  createEvents,
  createApprovals,
  createApprovalVotes,
  createSpends,
  createPayees,
  createFreezes,
  createUserDays,
  createPayments,
  createToolStarts,
  createSpendRules,
  createTickets,
  createIdempotencyKeys,
  createDeployment,
  createNodes,
];

/** The tables of 0.1.0. */
export const first: Migration = {
  async up(db: Kysely<unknown>) {
    for (const create of tables) await create(db);
  },
};

async function createSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("sessions")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("title", "text")
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("config", "text", (column) => column.notNull())
    .addColumn("policy_version", "integer", (column) => column.notNull().defaultTo(1))
    .addColumn("first_seq", "bigint", (column) => column.notNull().defaultTo(1))
    .addColumn("last_seq", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("head_hash", "text", (column) => column.notNull())
    .addColumn("spent_micros", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("reserved_micros", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("created_at", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("sessions_by_user").on("sessions").columns(["user_id", "created_at", "id"]).execute();
}

async function createSessionApprovers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("session_approvers")
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("session_id", "text", (column) => column.notNull().references("sessions.id"))
    .addPrimaryKeyConstraint("session_approvers_pk", ["user_id", "session_id"])
    .execute();
}

async function createExecutions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("executions")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("session_id", "text", (column) => column.notNull().references("sessions.id"))
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("command", "text", (column) => column.notNull())
    .addColumn("plan", "text")
    .addColumn("request_hash", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("owner", "text")
    .addColumn("fence", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("first_seq", "bigint", (column) => column.notNull())
    .addColumn("last_seq", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("budget_limit_micros", "bigint")
    .addColumn("spent_micros", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("reserved_micros", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("active_ms", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("claimed_at", "text")
    .addColumn("cancel_by", "text")
    .addColumn("cancel_reason", "text")
    .addColumn("cancel_ref", "text")
    .addColumn("result", "text")
    .addColumn("error", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("started_at", "text")
    .addColumn("ended_at", "text")
    .execute();
  await db.schema
    .createIndex("executions_by_session")
    .on("executions")
    .columns(["session_id", "created_at", "id"])
    .execute();
  await sql`create index executions_open on executions (session_id, status, first_seq) where status in ('queued', 'running', 'waiting')`.execute(
    db,
  );
  await sql`create index executions_runnable on executions (status, owner) where status in ('queued', 'running')`.execute(
    db,
  );
}

async function createEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("events")
    .addColumn("session_id", "text", (column) => column.notNull())
    .addColumn("seq", "bigint", (column) => column.notNull())
    .addColumn("execution_id", "text")
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("data", "text", (column) => column.notNull())
    .addColumn("at", "text", (column) => column.notNull())
    .addColumn("ref", "text")
    .addColumn("hash", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("events_pk", ["session_id", "seq"])
    .execute();
  await db.schema.createIndex("events_by_execution").on("events").columns(["execution_id", "seq"]).execute();
}

async function createApprovals(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("approvals")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("session_id", "text", (column) => column.notNull())
    .addColumn("execution_id", "text", (column) => column.notNull().references("executions.id"))
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("tool_id", "text", (column) => column.notNull())
    .addColumn("tool_name", "text", (column) => column.notNull())
    .addColumn("subagent_id", "text")
    .addColumn("args", "text", (column) => column.notNull())
    .addColumn("payee", "text")
    .addColumn("policy_version", "integer", (column) => column.notNull())
    .addColumn("approvals_needed", "integer", (column) => column.notNull())
    .addColumn("bound_hash", "text", (column) => column.notNull())
    .addColumn("terms", "text")
    .addColumn("micros", "bigint", (column) => column.notNull())
    .addColumn("request", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("decided_by", "text")
    .addColumn("decided_at", "text")
    .addColumn("decision_reason", "text")
    .addColumn("decision_policy_version", "integer")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("expires_at", "text", (column) => column.notNull())
    .execute();
  await sql`create index approvals_pending on approvals (session_id, expires_at) where status = 'pending'`.execute(db);
  await sql`create index approvals_due on approvals (expires_at) where status = 'pending'`.execute(db);
  await db.schema.createIndex("approvals_by_execution").on("approvals").columns(["execution_id"]).execute();
  await db.schema
    .createIndex("approvals_by_user")
    .on("approvals")
    .columns(["user_id", "status", "created_at", "id"])
    .execute();
}

async function createApprovalVotes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("approval_votes")
    .addColumn("approval_id", "text", (column) => column.notNull().references("approvals.id"))
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("approval_votes_pk", ["approval_id", "user_id"])
    .execute();
}

async function createSpends(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("spends")
    .addColumn("execution_id", "text", (column) => column.notNull())
    .addColumn("tool_id", "text", (column) => column.notNull())
    .addColumn("epoch", "integer", (column) => column.notNull())
    .addColumn("session_id", "text", (column) => column.notNull())
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("day", "text", (column) => column.notNull())
    .addColumn("micros", "bigint", (column) => column.notNull())
    .addColumn("payee", "text")
    .addColumn("pay_to", "text")
    .addColumn("network", "text")
    .addColumn("rule_id", "text")
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("created_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("spends_pk", ["execution_id", "tool_id", "epoch"])
    .execute();
  await db.schema.createIndex("spends_by_session").on("spends").columns(["session_id", "created_at"]).execute();
}

async function createPayees(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("payees")
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("network", "text", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("payments", "integer", (column) => column.notNull())
    .addColumn("micros", "bigint", (column) => column.notNull())
    .addColumn("last_paid_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("payees_pk", ["user_id", "network", "address"])
    .execute();
}

async function createFreezes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("freezes")
    .addColumn("scope", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("by_user", "text", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("freezes_pk", ["scope", "subject"])
    .execute();
}

async function createUserDays(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("user_days")
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("day", "text", (column) => column.notNull())
    .addColumn("micros", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("user_days_pk", ["user_id", "day"])
    .execute();
}

async function createPayments(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("payments")
    .addColumn("execution_id", "text", (column) => column.notNull())
    .addColumn("tool_id", "text", (column) => column.notNull())
    .addColumn("epoch", "integer", (column) => column.notNull())
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addColumn("session_id", "text", (column) => column.notNull())
    .addColumn("tool_name", "text", (column) => column.notNull())
    .addColumn("payee", "text", (column) => column.notNull())
    .addColumn("pay_to", "text", (column) => column.notNull())
    .addColumn("repeats", "text")
    .addColumn("request_hash", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("terms", "text", (column) => column.notNull())
    .addColumn("signed", "text")
    .addColumn("tx_hash", "text")
    .addColumn("block", "text")
    .addColumn("content", "text")
    .addColumn("content_state", "text")
    .addColumn("quoted_at", "text", (column) => column.notNull())
    .addColumn("reserved_at", "text")
    .addColumn("signed_at", "text")
    .addColumn("sent_at", "text")
    .addColumn("unknown_at", "text")
    .addColumn("ended_at", "text")
    .addColumn("content_at", "text")
    .addColumn("due_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("payments_pk", ["execution_id", "tool_id", "epoch"])
    .execute();
  await sql`create index payments_due on payments (due_at) where state in ('reserved', 'signed', 'sent', 'unknown')`.execute(
    db,
  );
  await db.schema
    .createIndex("payments_by_session")
    .on("payments")
    .columns(["session_id", "quoted_at", "id"])
    .execute();
  await sql`create index payments_unserved on payments (session_id, request_hash) where state = 'unknown' or content_state = 'missing'`.execute(
    db,
  );
}

async function createToolStarts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tool_starts")
    .addColumn("execution_id", "text", (column) => column.notNull())
    .addColumn("tool_id", "text", (column) => column.notNull())
    .addColumn("attempt", "integer", (column) => column.notNull())
    .addColumn("started_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("tool_starts_pk", ["execution_id", "tool_id", "attempt"])
    .execute();
}

async function createSpendRules(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("spend_rules")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("session_id", "text", (column) => column.notNull().references("sessions.id"))
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("tool_name", "text", (column) => column.notNull())
    .addColumn("payee", "text")
    .addColumn("max_micros", "bigint", (column) => column.notNull())
    .addColumn("total_micros", "bigint")
    .addColumn("used_micros", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("expires_at", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("revoked_at", "text")
    .execute();
  await db.schema
    .createIndex("spend_rules_by_session")
    .on("spend_rules")
    .columns(["session_id", "tool_name"])
    .execute();
}

async function createTickets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tickets")
    .addColumn("hash", "text", (column) => column.primaryKey())
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("session_id", "text", (column) => column.notNull())
    .addColumn("scopes", "text", (column) => column.notNull())
    .addColumn("identity_expires_at", "text")
    .addColumn("expires_at", "text", (column) => column.notNull())
    .execute();
}

async function createIdempotencyKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("idempotency_keys")
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("key", "text", (column) => column.notNull())
    .addColumn("request_hash", "text", (column) => column.notNull())
    .addColumn("status", "integer")
    .addColumn("response", "text")
    .addColumn("location", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("idempotency_keys_pk", ["user_id", "key"])
    .execute();
}

async function createDeployment(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("deployment")
    .addColumn("one", "integer", (column) => column.primaryKey())
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("payer", "text")
    .execute();
}

async function createNodes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("nodes")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("heartbeat_at", "text", (column) => column.notNull())
    .execute();
}
