import { type Selectable, sql } from "kysely";
import type { Session } from "../protocol/resources.ts";
import { SessionConfig } from "../protocol/session-config.ts";
import type { Cursor } from "./cursor.ts";
import { open } from "./executions.ts";
import { change, type Database, isGrouped, isShared, LeavesGroup, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

export interface SessionRow {
  readonly id: string;
  readonly userId: string;
  readonly title: string | null;
  readonly status: Session["status"];
  readonly config: SessionConfig;
  /** Counts the changes of `config`. */
  readonly policyVersion: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly headHash: string;
  readonly spentMicros: bigint;
  readonly reservedMicros: bigint;
  readonly createdAt: string;
}

/** Configurations are read again with every unit of work but hardly ever differ; parsing one costs more than a query. */
const configs = new Map<string, SessionConfig>();

function parseConfig(text: string): SessionConfig {
  let config = configs.get(text);
  if (config === undefined) {
    config = SessionConfig.parse(JSON.parse(text));
    if (configs.size >= 1000) configs.clear();
    configs.set(text, config);
  }
  return config;
}

function sessionRow(row: Selectable<Tables["sessions"]>): SessionRow {
  return {
    id: row.id,
    userId: row.user_id,
    title: row.title,
    status: row.status,
    config: parseConfig(row.config),
    policyVersion: row.policy_version,
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    headHash: row.head_hash,
    spentMicros: BigInt(row.spent_micros),
    reservedMicros: BigInt(row.reserved_micros),
    createdAt: row.created_at,
  };
}

const selectOne = statement<{ id: string }, Selectable<Tables["sessions"]>>((db, param) =>
  db.selectFrom("sessions").selectAll().where("id", "=", param("id")),
);

const selectOneLocked = statement<{ id: string }, Selectable<Tables["sessions"]>>((db, param) =>
  db.selectFrom("sessions").selectAll().where("id", "=", param("id")).forUpdate(),
);

const selectOneIfFree = statement<{ id: string }, Selectable<Tables["sessions"]>>((db, param) =>
  db.selectFrom("sessions").selectAll().where("id", "=", param("id")).forUpdate().skipLocked(),
);

export async function findSession(db: Database, id: string): Promise<SessionRow | undefined> {
  const [row] = await selectOne(db, { id });
  return row && sessionRow(row);
}

export async function sessionsById(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, SessionRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("sessions").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, sessionRow(row)]));
}

const selectHeads = statement<
  { ids: readonly string[] },
  Pick<Selectable<Tables["sessions"]>, "id" | "last_seq" | "status">
>((db, param) =>
  db
    .selectFrom("sessions")
    .select(["id", "last_seq", "status"])
    .where(sql<boolean>`id = any(${param("ids")}::text[])`),
);

/** How far the logs of these sessions have come, and whether they are over, on PostgreSQL. */
export async function sessionHeads(
  db: Database,
  ids: readonly string[],
): Promise<{ id: string; lastSeq: number; isTerminated: boolean }[]> {
  const rows = await selectHeads(db, { ids });
  return rows.map((row) => ({ id: row.id, lastSeq: Number(row.last_seq), isTerminated: row.status === "terminated" }));
}

/**
 * Takes the session's row for this transaction. Everything that a session's events tell of is written
 * under this lock, so its events and its executions' states have one order. SQLite has one writer anyway.
 */
export async function lockSession(tx: Database, id: string): Promise<SessionRow | undefined> {
  if (isGrouped(tx)) {
    const [free] = await selectOneIfFree(tx, { id });
    // Another transaction has it, or there is none: alone the unit can wait and see.
    if (free === undefined) throw new LeavesGroup();
    return sessionRow(free);
  }
  const [row] = await (isShared(tx) ? selectOneLocked : selectOne)(tx, { id });
  return row && sessionRow(row);
}

const updateHead = change<{
  id: string;
  lastSeq: number;
  headHash: string;
  spentMicros: bigint;
  reservedMicros: bigint;
}>((db, param) =>
  db
    .updateTable("sessions")
    .set({
      last_seq: param("lastSeq"),
      head_hash: param("headHash"),
      spent_micros: param("spentMicros"),
      reserved_micros: param("reservedMicros"),
    })
    .where("id", "=", param("id")),
);

/** Writes back what a unit of work moved: the log's head and the money. */
export async function saveSessionHead(
  tx: Database,
  session: { id: string; lastSeq: number; headHash: string; spentMicros: bigint; reservedMicros: bigint },
): Promise<void> {
  await updateHead(tx, session);
}

export async function insertSession(
  tx: Database,
  session: {
    id: string;
    userId: string;
    title: string | undefined;
    config: SessionConfig;
    headHash: string;
    at: string;
  },
): Promise<SessionRow> {
  const row = await tx
    .insertInto("sessions")
    .values({
      id: session.id,
      user_id: session.userId,
      title: session.title ?? null,
      status: "active",
      config: JSON.stringify(session.config),
      head_hash: session.headHash,
      created_at: session.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await insertApprovers(tx, session.id, session.config.approvers);
  return sessionRow(row);
}

async function insertApprovers(tx: Database, sessionId: string, approvers: readonly string[]): Promise<void> {
  const rows = [...new Set(approvers)].map((userId) => ({ user_id: userId, session_id: sessionId }));
  if (rows.length > 0) await tx.insertInto("session_approvers").values(rows).execute();
}

export async function updateSession(
  tx: Database,
  id: string,
  change: { title?: string | null; config?: SessionConfig; status?: SessionRow["status"] },
): Promise<void> {
  const set = {
    ...(change.title === undefined ? {} : { title: change.title }),
    ...(change.config === undefined
      ? {}
      : { config: JSON.stringify(change.config), policy_version: sql<number>`policy_version + 1` }),
    ...(change.status === undefined ? {} : { status: change.status }),
  };
  if (Object.keys(set).length > 0) await tx.updateTable("sessions").set(set).where("id", "=", id).execute();
  if (change.config === undefined) return;
  await tx.deleteFrom("session_approvers").where("session_id", "=", id).execute();
  await insertApprovers(tx, id, change.config.approvers);
}

/** The sessions that are not terminated, of one user or of all, and whether work is under way in them. */
export async function activeSessions(
  db: Database,
  userId: string | undefined,
): Promise<{ id: string; isWorking: boolean }[]> {
  const working = db.selectFrom("executions").select("session_id").where("status", "in", open);
  const rows = await db
    .selectFrom("sessions")
    .leftJoin(working.distinct().as("working"), "working.session_id", "sessions.id")
    .select(["sessions.id", "working.session_id"])
    .where("sessions.status", "=", "active")
    .$if(userId !== undefined, (query) => query.where("sessions.user_id", "=", userId ?? ""))
    .execute();
  return rows.map((row) => ({ id: row.id, isWorking: row.session_id !== null }));
}

/** Ids of the sessions that name a user as an approver, as a subquery. */
export function sessionsToApprove(db: Database, userId: string) {
  return db.selectFrom("session_approvers").select("session_id").where("user_id", "=", userId);
}

/** The sessions that a user owns or is an approver of, newest first. */
export async function listSessions(
  db: Database,
  userId: string,
  page: { before: Cursor | undefined; limit: number },
): Promise<SessionRow[]> {
  const rows = await db
    .selectFrom("sessions")
    .selectAll()
    .where(({ eb, or }) => or([eb("user_id", "=", userId), eb("id", "in", sessionsToApprove(db, userId))]))
    .$if(page.before !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple("created_at", "id"), "<", tuple(page.before?.at ?? "", page.before?.id ?? "")),
      ),
    )
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map(sessionRow);
}
