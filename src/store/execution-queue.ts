import { sql } from "kysely";
import { type ExecutionRow, executionRow, open, queued, type RawExecution, running, waiting } from "./executions.ts";
import { type Database, statement } from "./statement.ts";

// Executions are their own queue: what is queued or running, and who has it. In each query the list of statuses
// names the partial index, and the equality chooses within it.

const runnable = [queued, running];
const atRest = [queued, waiting];

const selectNextQueued = statement<{ sessionId: string }, RawExecution>((db, param) =>
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

const selectOrphaned = statement<{ nodeId: string; aliveSince: string; limit: number }, RawExecution>((db, param) =>
  db
    .selectFrom("executions")
    .selectAll()
    .where("status", "in", runnable)
    .where("status", "=", running)
    .where(({ and, eb, or, not, exists, selectFrom }) =>
      or([
        eb("owner", "is", null),
        and([
          eb("owner", "!=", param("nodeId")),
          not(
            exists(
              selectFrom("nodes")
                .select("nodes.id")
                .whereRef("nodes.id", "=", "executions.owner")
                .where("nodes.heartbeat_at", ">=", param("aliveSince")),
            ),
          ),
        ]),
      ]),
    )
    .orderBy("created_at")
    .limit(param("limit")),
);

/** Running executions that nobody has, or a node other than `nodeId` that never beat, or not since `aliveSince`. */
export async function orphanedExecutions(
  db: Database,
  nodeId: string,
  aliveSince: string,
  limit: number,
): Promise<ExecutionRow[]> {
  return (await selectOrphaned(db, { nodeId, aliveSince, limit })).map(executionRow);
}

/** What the store says of an execution that a node works on. */
export interface OwnExecution extends Pick<ExecutionRow, "id" | "sessionId" | "fence" | "lastSeq"> {
  readonly isCancelled: boolean;
}

const selectOwn = statement<
  { nodeId: string },
  Pick<RawExecution, "id" | "session_id" | "fence" | "last_seq" | "cancel_by">
>((db, param) =>
  db
    .selectFrom("executions")
    .select(["id", "session_id", "fence", "last_seq", "cancel_by"])
    .where("status", "in", runnable)
    .where("status", "=", running)
    .where("owner", "=", param("nodeId")),
);

/** All that a node has claimed and not given back. */
export async function ownExecutions(db: Database, nodeId: string): Promise<OwnExecution[]> {
  return (await selectOwn(db, { nodeId })).map((row) => ({
    id: row.id,
    sessionId: row.session_id,
    fence: Number(row.fence),
    lastSeq: Number(row.last_seq),
    isCancelled: row.cancel_by !== null,
  }));
}

const selectCancelledAtRest = statement<{ limit: number }, Pick<RawExecution, "id" | "session_id">>((db, param) =>
  db
    .selectFrom("executions")
    .select(["id", "session_id"])
    .where("cancel_by", "is not", null)
    .where("status", "in", atRest)
    .limit(param("limit")),
);

/** What is cancelled and not told so yet, and that no run is there to tell. */
export async function cancelledAtRest(db: Database, limit: number): Promise<{ id: string; sessionId: string }[]> {
  return (await selectCancelledAtRest(db, { limit })).map((row) => ({ id: row.id, sessionId: row.session_id }));
}

const selectStartable = statement<{ limit: number }, RawExecution>((db, param) =>
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
