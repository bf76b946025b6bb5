import { type Selectable, sql } from "kysely";
import type { ErrorInfo } from "../protocol/events.ts";
import type { PlanInput } from "../protocol/messages.ts";
import type { ExecutionStatus } from "../protocol/resources.ts";
import type { Cursor } from "./cursor.ts";
import { change, type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

// As literals: SQLite uses a partial index only where the query's text names what the index is limited to.
export const queued = sql.lit<ExecutionStatus>("queued");
export const running = sql.lit<ExecutionStatus>("running");
export const waiting = sql.lit<ExecutionStatus>("waiting");
export const open = [queued, running, waiting];

/** An execution's row. What may change while it lives is mutable: a unit of work changes it and saves it. */
export interface ExecutionRow {
  readonly id: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly command: string;
  readonly plan: readonly PlanInput[] | undefined;
  readonly requestHash: string;
  readonly budgetLimitMicros: bigint | undefined;
  readonly createdAt: string;
  readonly firstSeq: number;
  status: ExecutionStatus;
  owner: string | null;
  fence: number;
  lastSeq: number;
  spentMicros: bigint;
  reservedMicros: bigint;
  activeMs: number;
  claimedAt: string | null;
  cancelBy: string | null;
  cancelReason: string | null;
  /** The `id` of the message that cancelled it. */
  cancelRef: string | null;
  result: Record<string, unknown> | null;
  error: ErrorInfo | null;
  startedAt: string | null;
  endedAt: string | null;
}

export type RawExecution = Selectable<Tables["executions"]>;

// What is stored here was validated when it came in; the columns hold only what the functions below wrote.
function parse<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

/** The row as the columns have it. */
export function executionRow(row: RawExecution): ExecutionRow {
  return {
    id: row.id,
    sessionId: row.session_id,
    userId: row.user_id,
    command: row.command,
    plan: parse<PlanInput[]>(row.plan) ?? undefined,
    requestHash: row.request_hash,
    budgetLimitMicros: row.budget_limit_micros === null ? undefined : BigInt(row.budget_limit_micros),
    createdAt: row.created_at,
    firstSeq: Number(row.first_seq),
    status: row.status,
    owner: row.owner,
    fence: Number(row.fence),
    lastSeq: Number(row.last_seq),
    spentMicros: BigInt(row.spent_micros),
    reservedMicros: BigInt(row.reserved_micros),
    activeMs: Number(row.active_ms),
    claimedAt: row.claimed_at,
    cancelBy: row.cancel_by,
    cancelReason: row.cancel_reason,
    cancelRef: row.cancel_ref,
    result: parse(row.result),
    error: parse(row.error),
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}

const selectOne = statement<{ id: string }, RawExecution>((db, param) =>
  db.selectFrom("executions").selectAll().where("id", "=", param("id")),
);

const selectOfApproval = statement<{ approvalId: string }, RawExecution>((db, param) =>
  db
    .selectFrom("executions")
    .selectAll()
    .where("id", "=", db.selectFrom("approvals").select("execution_id").where("id", "=", param("approvalId"))),
);

/** The execution that asked for an approval. */
export async function executionOfApproval(tx: Database, approvalId: string): Promise<ExecutionRow | undefined> {
  const [row] = await selectOfApproval(tx, { approvalId });
  return row && executionRow(row);
}

export async function findExecution(db: Database, id: string): Promise<ExecutionRow | undefined> {
  const [row] = await selectOne(db, { id });
  return row && executionRow(row);
}

/** An execution as it is before anything has happened. */
export function newExecution(
  execution: Pick<
    ExecutionRow,
    "id" | "sessionId" | "userId" | "command" | "plan" | "requestHash" | "budgetLimitMicros" | "createdAt" | "firstSeq"
  >,
): ExecutionRow {
  return {
    ...execution,
    status: "queued",
    owner: null,
    fence: 0,
    lastSeq: 0,
    spentMicros: 0n,
    reservedMicros: 0n,
    activeMs: 0,
    claimedAt: null,
    cancelBy: null,
    cancelReason: null,
    cancelRef: null,
    result: null,
    error: null,
    startedAt: null,
    endedAt: null,
  };
}

const insertOne = change<{
  id: string;
  sessionId: string;
  userId: string;
  command: string;
  plan: string | null;
  requestHash: string;
  budgetLimitMicros: bigint | null;
  createdAt: string;
  status: ExecutionStatus;
  owner: string | null;
  fence: number;
  firstSeq: number;
  lastSeq: number;
  claimedAt: string | null;
  startedAt: string | null;
}>((db, param) =>
  db.insertInto("executions").values({
    id: param("id"),
    session_id: param("sessionId"),
    user_id: param("userId"),
    command: param("command"),
    plan: param("plan"),
    request_hash: param("requestHash"),
    status: param("status"),
    owner: param("owner"),
    fence: param("fence"),
    first_seq: param("firstSeq"),
    last_seq: param("lastSeq"),
    claimed_at: param("claimedAt"),
    started_at: param("startedAt"),
    budget_limit_micros: param("budgetLimitMicros"),
    created_at: param("createdAt"),
  }),
);

/** Inserts an execution of which nothing has been spent or finished yet. */
export async function insertExecution(tx: Database, execution: ExecutionRow): Promise<void> {
  await insertOne(tx, {
    ...execution,
    plan: execution.plan === undefined ? null : JSON.stringify(execution.plan),
    budgetLimitMicros: execution.budgetLimitMicros ?? null,
  });
}

type Saved = Omit<ExecutionRow, "plan" | "result" | "error"> & { result: string | null; error: string | null };

const updateOne = change<Saved>((db, param) =>
  db
    .updateTable("executions")
    .set({
      status: param("status"),
      owner: param("owner"),
      fence: param("fence"),
      last_seq: param("lastSeq"),
      spent_micros: param("spentMicros"),
      reserved_micros: param("reservedMicros"),
      active_ms: param("activeMs"),
      claimed_at: param("claimedAt"),
      cancel_by: param("cancelBy"),
      cancel_reason: param("cancelReason"),
      cancel_ref: param("cancelRef"),
      result: param("result"),
      error: param("error"),
      started_at: param("startedAt"),
      ended_at: param("endedAt"),
    })
    .where("id", "=", param("id")),
);

/** Writes back everything of an execution that may change. */
export async function saveExecution(tx: Database, execution: ExecutionRow): Promise<void> {
  await updateOne(tx, {
    ...execution,
    result: execution.result === null ? null : JSON.stringify(execution.result),
    error: execution.error === null ? null : JSON.stringify(execution.error),
  });
}

const cancelOpen = change<{ sessionId: string; by: string; reason: string }>((db, param) =>
  db
    .updateTable("executions")
    .set({ cancel_by: param("by"), cancel_reason: param("reason") })
    .where("session_id", "=", param("sessionId"))
    .where("status", "in", open)
    .where("cancel_by", "is", null),
);

/** Has every execution of a session that has not ended be cancelled, if nobody cancelled it before. */
export async function cancelOpenExecutions(
  tx: Database,
  cancelled: { sessionId: string; by: string; reason: string },
): Promise<void> {
  await cancelOpen(tx, cancelled);
}

const countOpen = statement<{ sessionId: string }, { status: ExecutionStatus; count: number | bigint | string }>(
  (db, param) =>
    db
      .selectFrom("executions")
      .select(({ fn }) => ["status", fn.countAll().as("count")])
      .where("session_id", "=", param("sessionId"))
      .where("status", "in", open)
      .groupBy("status"),
);

/** How many of a session's executions are queued, running and waiting. */
export async function countOpenExecutions(
  tx: Database,
  sessionId: string,
): Promise<{ queued: number; running: number; waiting: number }> {
  const counts = { queued: 0, running: 0, waiting: 0 };
  for (const row of await countOpen(tx, { sessionId })) {
    if (row.status === "queued" || row.status === "running" || row.status === "waiting") {
      counts[row.status] = Number(row.count);
    }
  }
  return counts;
}

const countOfUser = statement<{ userId: string; most: number }, { count: number | bigint | string }>((db, param) =>
  db
    .selectFrom(
      db
        .selectFrom("executions")
        .select("id")
        .where("user_id", "=", param("userId"))
        .where("status", "in", open)
        .limit(param("most"))
        .as("of_user"),
    )
    .select(({ fn }) => fn.countAll().as("count")),
);

/** How many executions of a user have not ended, in all sessions; counted up to `most`. */
export async function countExecutionsOfUser(tx: Database, userId: string, most: number): Promise<number> {
  const [row] = await countOfUser(tx, { userId, most });
  return Number(row?.count ?? 0);
}

/** A session's executions that have not ended, oldest first. */
export async function openExecutions(db: Database, sessionId: string): Promise<ExecutionRow[]> {
  const rows = await db
    .selectFrom("executions")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("status", "in", open)
    .execute();
  // Sorted here: asked for an order, SQLite reads through all that ever ran in the session to find it.
  return rows.map(executionRow).sort((one, other) => one.firstSeq - other.firstSeq);
}

export async function listExecutions(
  db: Database,
  sessionId: string,
  page: { before: Cursor | undefined; limit: number },
): Promise<ExecutionRow[]> {
  const rows = await db
    .selectFrom("executions")
    .selectAll()
    .where("session_id", "=", sessionId)
    .$if(page.before !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple("created_at", "id"), "<", tuple(page.before?.at ?? "", page.before?.id ?? "")),
      ),
    )
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map(executionRow);
}

/** A session's last executions that began before that place in its log, in the order in which they began. */
export async function executionsBefore(
  db: Database,
  sessionId: string,
  beforeSeq: number,
  limit: number,
): Promise<ExecutionRow[]> {
  const rows = await db
    .selectFrom("executions")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("first_seq", "<", beforeSeq)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(executionRow).sort((one, other) => one.firstSeq - other.firstSeq);
}
