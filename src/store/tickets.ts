import type { Database } from "./statement.ts";

export interface TicketRow {
  readonly sessionId: string;
  readonly expiresAt: string;
  /** Whoever the ticket was made for, with what their credential allowed. */
  readonly identity: {
    readonly userId: string;
    readonly scopes: ReadonlySet<string>;
    readonly expiresAt?: number;
  };
}

export async function insertTicket(tx: Database, ticket: TicketRow & { hash: string }): Promise<void> {
  const { userId, scopes, expiresAt } = ticket.identity;
  await tx
    .insertInto("tickets")
    .values({
      hash: ticket.hash,
      user_id: userId,
      session_id: ticket.sessionId,
      scopes: [...scopes].join(" "),
      identity_expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
      expires_at: ticket.expiresAt,
    })
    .execute();
}

/** Takes a ticket out of the store: of any number of attempts one gets it. */
export async function takeTicket(tx: Database, hash: string): Promise<TicketRow | undefined> {
  const row = await tx.deleteFrom("tickets").where("hash", "=", hash).returningAll().executeTakeFirst();
  if (row === undefined) return undefined;
  const expiresAt = row.identity_expires_at;
  return {
    sessionId: row.session_id,
    expiresAt: row.expires_at,
    identity: {
      userId: row.user_id,
      scopes: new Set(row.scopes.split(" ").filter((scope) => scope !== "")),
      ...(expiresAt === null ? {} : { expiresAt: Date.parse(expiresAt) }),
    },
  };
}

/** Drops tickets that nobody used in time. */
export async function deleteExpiredTickets(tx: Database, now: string): Promise<void> {
  await tx.deleteFrom("tickets").where("expires_at", "<=", now).execute();
}
