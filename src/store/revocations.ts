import { type Selectable, sql } from "kysely";
import { type Database, isShared, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

type Raw = Selectable<Tables["revocations"]>;

export interface RevocationRow {
  readonly kind: Raw["kind"];
  /** A token's id, or a user's. */
  readonly subject: string;
  readonly byUser: string;
  readonly revokedAt: string;
}

function revocationRow(row: Raw): RevocationRow {
  return { kind: row.kind, subject: row.subject, byUser: row.by_user, revokedAt: row.revoked_at };
}

interface Whose {
  readonly tokenId: string;
  readonly userId: string;
}

const ofToken = (db: Database, param: <Key extends keyof Whose>(key: Key) => Whose[Key]) =>
  db
    .selectFrom("revocations")
    .selectAll()
    .where(({ and, eb, or }) =>
      or([
        and([eb("kind", "=", sql.lit("token" as const)), eb("subject", "=", param("tokenId"))]),
        and([eb("kind", "=", sql.lit("user" as const)), eb("subject", "=", param("userId"))]),
      ]),
    );

const selectOf = statement<Whose, Raw>(ofToken);
const selectAndHold = statement<Whose, Raw>((db, param) => ofToken(db, param).forShare());

/** The revocations that may be of a user's token, whose id may be ""; whether it came before them is for the caller to say. */
export async function revocationsOf(db: Database, whose: Whose): Promise<RevocationRow[]> {
  return (await selectOf(db, whose)).map(revocationRow);
}

/** The same in a transaction that ends before the next revocation is made. */
export async function holdRevocationsOf(tx: Database, whose: Whose): Promise<RevocationRow[]> {
  return (await (isShared(tx) ? selectAndHold : selectOf)(tx, whose)).map(revocationRow);
}

/**
 * Waits for the transactions that hold the revocations, and keeps others from it until this one ends. SQLite has
 * one writer at a time. On PostgreSQL who only reads goes on, such as doors and backups.
 */
export async function lockRevocations(tx: Database): Promise<void> {
  if (isShared(tx)) await sql`lock table revocations in exclusive mode`.execute(tx);
}

const selectSince = statement<{ since: string }, Raw>((db, param) =>
  db.selectFrom("revocations").selectAll().where("revoked_at", ">=", param("since")),
);

/** What was revoked at a time or later. */
export async function revocationsSince(db: Database, since: string): Promise<RevocationRow[]> {
  return (await selectSince(db, { since })).map(revocationRow);
}

/** Writes a revocation down. A token is revoked once; a user's revocation moves on, so that it is of the newer tokens too. */
export async function putRevocation(tx: Database, row: RevocationRow): Promise<RevocationRow> {
  await tx
    .insertInto("revocations")
    .values({ kind: row.kind, subject: row.subject, by_user: row.byUser, revoked_at: row.revokedAt })
    .onConflict((conflict) =>
      conflict
        .columns(["kind", "subject"])
        .doUpdateSet({ by_user: row.byUser, revoked_at: row.revokedAt })
        .where("revocations.kind", "=", "user")
        .where("revocations.revoked_at", "<", row.revokedAt),
    )
    .execute();
  const held = await tx
    .selectFrom("revocations")
    .selectAll()
    .where("kind", "=", row.kind)
    .where("subject", "=", row.subject)
    .executeTakeFirstOrThrow();
  return revocationRow(held);
}

/** Drops revocations from before the oldest token that is still taken was issued. */
export async function deleteOldRevocations(tx: Database, before: string): Promise<void> {
  await tx.deleteFrom("revocations").where("revoked_at", "<", before).execute();
}
