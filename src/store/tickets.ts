import { Scope } from "../protocol/scope.ts";
import type { Database } from "./statement.ts";
import type { Tables } from "./tables.ts";

export interface TicketRow {
  readonly sessionId: string;
  readonly expiresAt: string;
  /** Whoever the ticket was made for, with what their credential allowed. */
  readonly identity: {
    readonly userId: string;
    readonly scopes: ReadonlySet<Scope>;
    readonly expiresAt?: number;
    readonly token?: { readonly id?: string; readonly issuedAt?: number };
  };
}

export async function insertTicket(tx: Database, ticket: TicketRow & { hash: string }): Promise<void> {
  const { userId, scopes, expiresAt, token } = ticket.identity;
  await tx
    .insertInto("tickets")
    .values({
      hash: ticket.hash,
      user_id: userId,
      session_id: ticket.sessionId,
      scopes: [...scopes].join(" "),
      identity_expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
      expires_at: ticket.expiresAt,
      token_id: token?.id ?? null,
      token_issued_at: token?.issuedAt === undefined ? null : new Date(token.issuedAt).toISOString(),
    })
    .execute();
}

/** Takes a ticket out of the store: of any number of attempts one gets it. */
export async function takeTicket(tx: Database, hash: string): Promise<TicketRow | undefined> {
  const row = await tx.deleteFrom("tickets").where("hash", "=", hash).returningAll().executeTakeFirst();
  if (row === undefined) return undefined;
  const expiresAt = row.identity_expires_at;
  const scopes = new Set(row.scopes.split(" "));
  return {
    sessionId: row.session_id,
    expiresAt: row.expires_at,
    identity: {
      userId: row.user_id,
      scopes: new Set(Scope.options.filter((scope) => scopes.has(scope))),
      // Only the token of local mode has no end, and it is the one that cannot be revoked.
      ...(expiresAt === null ? {} : { expiresAt: Date.parse(expiresAt), token: tokenOf(row) }),
    },
  };
}

function tokenOf(row: Pick<Tables["tickets"], "token_id" | "token_issued_at">) {
  return {
    ...(row.token_id === null ? {} : { id: row.token_id }),
    ...(row.token_issued_at === null ? {} : { issuedAt: Date.parse(row.token_issued_at) }),
  };
}

/** Drops tickets that nobody used in time. */
export async function deleteExpiredTickets(tx: Database, now: string): Promise<void> {
  await tx.deleteFrom("tickets").where("expires_at", "<=", now).execute();
}
