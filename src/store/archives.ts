import { sql } from "kysely";
import { genesisHash } from "./event-log.ts";
import { lockSession } from "./sessions.ts";
import type { Database } from "./statement.ts";

/** What was moved from a session's log to files: everything before the session's first event that is kept. */
export interface ArchiveRow {
  readonly lastSeq: number;
  readonly lastHash: string;
  /** How many events of each type were moved. */
  readonly counts: Readonly<Record<string, number>>;
  /** When the first and the last of them were written. */
  readonly firstAt: string | undefined;
  readonly lastAt: string | undefined;
  /** Up to where the file goes that was begun and is not done. */
  readonly plannedSeq: number | undefined;
}

export async function findArchive(db: Database, sessionId: string): Promise<ArchiveRow | undefined> {
  const row = await db.selectFrom("archives").selectAll().where("session_id", "=", sessionId).executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    lastSeq: Number(row.last_seq),
    lastHash: row.last_hash,
    // Only what `finishBatch` wrote.
    counts: JSON.parse(row.counts) as Record<string, number>,
    firstAt: row.first_at ?? undefined,
    lastAt: row.last_at ?? undefined,
    plannedSeq: row.planned_seq === null ? undefined : Number(row.planned_seq),
  };
}

/** A batch of a session's events on its way to a file. */
export interface ClaimedBatch {
  readonly sessionId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The hash before the first of them. */
  readonly previousHash: string;
}

/**
 * Takes a session for one archiver until `until`, and settles up to where its next file goes: as proposed, or
 * as it was settled before by one that did not come to its end. `undefined` while another one has it, or when
 * the log is no longer as it was when `firstSeq` was read.
 */
export async function claimBatch(
  tx: Database,
  claim: { sessionId: string; firstSeq: number; lastSeq: number; by: string; at: string; until: string },
): Promise<ClaimedBatch | undefined> {
  const { sessionId } = claim;
  const session = await lockSession(tx, sessionId);
  if (session?.firstSeq !== claim.firstSeq) return undefined;
  const row = await tx.selectFrom("archives").selectAll().where("session_id", "=", sessionId).executeTakeFirst();
  const isTaken = row !== undefined && row.claimed_by !== claim.by && (row.claimed_until ?? "") > claim.at;
  if (isTaken) return undefined;
  const taken = {
    planned_seq: row?.planned_seq ?? claim.lastSeq,
    claimed_by: claim.by,
    claimed_until: claim.until,
  };
  const previousHash = row?.last_hash ?? genesisHash(sessionId);
  await tx
    .insertInto("archives")
    .values({ session_id: sessionId, last_hash: previousHash, counts: "{}", ...taken })
    .onConflict((conflict) => conflict.column("session_id").doUpdateSet(taken))
    .execute();
  return { sessionId, firstSeq: session.firstSeq, lastSeq: Number(taken.planned_seq), previousHash };
}

/** Lets others try at once what this archiver could not do. */
export async function releaseClaim(tx: Database, sessionId: string, by: string): Promise<void> {
  await tx
    .updateTable("archives")
    .set({ claimed_by: null, claimed_until: null })
    .where("session_id", "=", sessionId)
    .where("claimed_by", "=", by)
    .execute();
}

/** What is to be remembered of events when they are gone from the database. */
export interface ArchivedEvents {
  readonly lastHash: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly firstAt: string;
  readonly lastAt: string;
}

/**
 * Deletes a batch's events, which are in a file that is on disk, and moves the beginning of the session's log
 * behind them. `false` when somebody else has done it.
 */
export async function finishBatch(tx: Database, batch: ClaimedBatch, events: ArchivedEvents, at: string) {
  const { sessionId, firstSeq, lastSeq } = batch;
  const session = await lockSession(tx, sessionId);
  const archive = await findArchive(tx, sessionId);
  if (session?.firstSeq !== firstSeq || archive?.plannedSeq !== lastSeq) return false;
  const { numDeletedRows } = await tx
    .deleteFrom("events")
    .where("session_id", "=", sessionId)
    .where("seq", "<=", lastSeq)
    .executeTakeFirstOrThrow();
  const expected = lastSeq - firstSeq + 1;
  if (Number(numDeletedRows) !== expected) {
    throw new Error(
      `Session ${sessionId} had ${numDeletedRows} events up to ${lastSeq} where ${expected} were archived.`,
    );
  }
  const next = await tx
    .selectFrom("events")
    .select("at")
    .where("session_id", "=", sessionId)
    .where("seq", "=", lastSeq + 1)
    .executeTakeFirst();
  await tx
    .updateTable("sessions")
    .set({ first_seq: lastSeq + 1, oldest_at: next?.at ?? at })
    .where("id", "=", sessionId)
    .execute();
  await tx
    .updateTable("archives")
    .set({
      last_seq: lastSeq,
      last_hash: events.lastHash,
      counts: JSON.stringify(added(archive.counts, events.counts)),
      first_at: archive.firstAt ?? events.firstAt,
      last_at: events.lastAt,
      planned_seq: null,
      claimed_by: null,
      claimed_until: null,
    })
    .where("session_id", "=", sessionId)
    .execute();
  return true;
}

export function added(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) {
  const sum: Record<string, number> = { ...one };
  for (const [type, count] of Object.entries(other)) sum[type] = (sum[type] ?? 0) + count;
  return sum;
}

/** The sessions that may have events from before that time, those with the oldest first. */
export async function sessionsToArchive(db: Database, before: string, limit: number): Promise<string[]> {
  const age = sql<string>`coalesce(oldest_at, created_at)`;
  const rows = await db.selectFrom("sessions").select("id").where(age, "<", before).orderBy(age).limit(limit).execute();
  return rows.map(({ id }) => id);
}

/** Notes that none of a session's events from before that time can be archived, so that it is left alone until later. */
export async function postponeArchiving(tx: Database, sessionId: string, oldestAt: string): Promise<void> {
  await tx.updateTable("sessions").set({ oldest_at: oldestAt }).where("id", "=", sessionId).execute();
}
