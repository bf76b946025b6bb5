import { type Selectable, sql } from "kysely";
import type { ErrorInfo } from "../protocol/events.ts";
import type { PlanInput } from "../protocol/messages.ts";
import type { Cursor } from "./sessions.ts";
import { change, type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

export type ExecutionStatus = Tables["executions"]["status"];

// As literals: SQLite uses a partial index only where the query's text names what the index is limited to.
const queued = sql.lit<ExecutionStatus>("queued");
const running = sql.lit<ExecutionStatus>("running");
const runnable = [queued, running];
const open = [queued, running, sql.lit<ExecutionStatus>("waiting")];

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

type Raw = Selectable<Tables["executions"]>;

// What is stored here was validated when it came in; the columns hold only what the functions below wrote.
function parse<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

function executionRow(row: Raw): ExecutionRow {
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

const selectOne = statement<{ id: string }, Raw>((db, param) =>
  db.selectFrom("executions").selectAll().where("id", "=", param("id")),
);

const selectOfApproval = statement<{ approvalId: string }, Raw>((db, param) =>
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

const selectNextQueued = statement<{ sessionId: string }, Raw>((db, param) =>
  db
    .selectFrom("executions")
    .selectAll()
    .where("session_id", "=", param("sessionId"))
    .where("status", "in", open)
    .where("status", "=", queued)
    .orderBy("first_seq")
    .limit(sql.lit(1)),
);

/** The execution that has waited longest for its session to be free. */
export async function nextQueued(tx: Database, sessionId: string): Promise<ExecutionRow | undefined> {
  const [row] = await selectNextQueued(tx, { sessionId });
  return row && executionRow(row);
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

const selectOrphaned = statement<{ nodeId: string; aliveSince: string; limit: number }, Raw>((db, param) =>
  db
    .selectFrom("executions")
    .selectAll()
    .where("status", "in", runnable)
    .where("status", "=", running)
    .where(({ eb, or, not, exists, selectFrom }) =>
      or([
        eb("owner", "is", null),
        eb("owner", "=", param("nodeId")),
        not(
          exists(
            selectFrom("nodes")
              .select("nodes.id")
              .whereRef("nodes.id", "=", "executions.owner")
              .where("nodes.heartbeat_at", ">=", param("aliveSince")),
          ),
        ),
      ]),
    )
    .orderBy("created_at")
    .limit(param("limit")),
);

/**
 * Running executions that may have nobody: their node never beat, or not since `aliveSince`, or it is
 * `nodeId`, which knows by itself what it works on.
 */
export async function orphanedExecutions(
  db: Database,
  nodeId: string,
  aliveSince: string,
  limit: number,
): Promise<ExecutionRow[]> {
  return (await selectOrphaned(db, { nodeId, aliveSince, limit })).map(executionRow);
}

const selectCancelled = statement<{ nodeId: string }, { id: string }>((db, param) =>
  db
    .selectFrom("executions")
    .select("id")
    .where("status", "in", runnable)
    .where("status", "=", running)
    .where("owner", "=", param("nodeId"))
    .where("cancel_by", "is not", null),
);

/** What a node works on although its cancellation is committed. */
export async function cancelledRuns(db: Database, nodeId: string): Promise<string[]> {
  return (await selectCancelled(db, { nodeId })).map(({ id }) => id);
}

const selectStartable = statement<{ limit: number }, Raw>((db, param) =>
  db
    .selectFrom("executions as queued")
    .selectAll("queued")
    .where("queued.status", "in", runnable)
    .where("queued.status", "=", queued)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("executions as running")
            .select("running.id")
            .whereRef("running.session_id", "=", "queued.session_id")
            .where("running.status", "in", open)
            .where("running.status", "=", running),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("executions as earlier")
            .select("earlier.id")
            .whereRef("earlier.session_id", "=", "queued.session_id")
            .where("earlier.status", "in", open)
            .where("earlier.status", "=", queued)
            .whereRef("earlier.first_seq", "<", "queued.first_seq"),
        ),
      ),
    )
    .orderBy(
      sql`(select count(*) from executions as own
            where own.status in ('queued', 'running') and own.status = 'running' and own.user_id = queued.user_id)
          + row_number() over (partition by queued.user_id order by queued.created_at)`,
    )
    .orderBy("queued.created_at")
    .limit(param("limit")),
);

/**
 * What waits longest in each session in which nothing runs. Users take turns: those of whom least runs come
 * first, so that one user's many commands do not keep another's one waiting.
 */
export async function startableExecutions(db: Database, limit: number): Promise<ExecutionRow[]> {
  return (await selectStartable(db, { limit })).map(executionRow);
}
