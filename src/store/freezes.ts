import type { Selectable } from "kysely";
import { type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

type Raw = Selectable<Tables["freezes"]>;

export interface FreezeRow {
  readonly scope: Raw["scope"];
  /** A session's id, a user's id, or "" for everybody. */
  readonly subject: string;
  readonly byUser: string;
  readonly reason: string | undefined;
  readonly createdAt: string;
}

function freezeRow(row: Raw): FreezeRow {
  return {
    scope: row.scope,
    subject: row.subject,
    byUser: row.by_user,
    reason: row.reason ?? undefined,
    createdAt: row.created_at,
  };
}

const selectOfSession = statement<{ sessionId: string; ownedSession: string }, Raw>((db, param) =>
  db
    .selectFrom("freezes")
    .selectAll()
    .where(({ and, eb, or, selectFrom }) =>
      or([
        eb("scope", "=", "all"),
        and([eb("scope", "=", "session"), eb("subject", "=", param("sessionId"))]),
        and([
          eb("scope", "=", "user"),
          eb("subject", "=", selectFrom("sessions").select("user_id").where("id", "=", param("ownedSession"))),
        ]),
      ]),
    )
    .orderBy("created_at"),
);

/** What stops the payments of a session now: its own freeze, its owner's, everybody's. */
export async function freezesOfSession(db: Database, sessionId: string): Promise<FreezeRow[]> {
  return (await selectOfSession(db, { sessionId, ownedSession: sessionId })).map(freezeRow);
}

/** The freezes of a user, of the sessions that the user owns or approves for, and of everybody. */
export async function freezesOfUser(db: Database, userId: string): Promise<FreezeRow[]> {
  const rows = await db
    .selectFrom("freezes")
    .selectAll()
    .where(({ and, eb, or, selectFrom }) =>
      or([
        eb("scope", "=", "all"),
        and([eb("scope", "=", "user"), eb("subject", "=", userId)]),
        and([
          eb("scope", "=", "session"),
          or([
            eb("subject", "in", selectFrom("sessions").select("id").where("user_id", "=", userId)),
            eb("subject", "in", selectFrom("session_approvers").select("session_id").where("user_id", "=", userId)),
          ]),
        ]),
      ]),
    )
    .orderBy("created_at")
    .orderBy("subject")
    .execute();
  return rows.map(freezeRow);
}

/** Puts a freeze; the one that holds already stays as it is. Gives the one that holds, and whether it is new. */
export async function putFreeze(tx: Database, freeze: FreezeRow): Promise<{ row: FreezeRow; isNew: boolean }> {
  const added = await tx
    .insertInto("freezes")
    .values({
      scope: freeze.scope,
      subject: freeze.subject,
      by_user: freeze.byUser,
      reason: freeze.reason ?? null,
      created_at: freeze.createdAt,
    })
    .onConflict((conflict) => conflict.columns(["scope", "subject"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (added !== undefined) return { row: freezeRow(added), isNew: true };
  const held = await tx
    .selectFrom("freezes")
    .selectAll()
    .where("scope", "=", freeze.scope)
    .where("subject", "=", freeze.subject)
    .executeTakeFirstOrThrow();
  return { row: freezeRow(held), isNew: false };
}

/** Lifts a freeze; false when there was none. */
export async function removeFreeze(
  tx: Database,
  { scope, subject }: Pick<FreezeRow, "scope" | "subject">,
): Promise<boolean> {
  const rows = await tx
    .deleteFrom("freezes")
    .where("scope", "=", scope)
    .where("subject", "=", subject)
    .returning("scope")
    .execute();
  return rows.length > 0;
}
