import { sql } from "kysely";
import { type ExecutionRow, executionRow, open, queued, type RawExecution, running } from "./executions.ts";
import { type Database, statement } from "./statement.ts";

// Executions are their own queue: what is queued or running, and who has it.

const runnable = [queued, running];

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
