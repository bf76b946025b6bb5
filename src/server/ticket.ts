import { createHash, randomBytes } from "node:crypto";

const ticketPrefix = "ticket_";

/** How long a ticket can be redeemed. */
export const ticketLifetimeMs = 30_000;

/** A new ticket; only its hash is stored. */
export function newTicket(): { ticket: string; hash: string } {
  const ticket = ticketPrefix + randomBytes(32).toString("base64url");
  return { ticket, hash: ticketHash(ticket) };
}

export function ticketHash(ticket: string): string {
  return createHash("sha256").update(ticket).digest("hex");
}

/** Tells a ticket from a token by its form: a JWT has dots, and the local token has another prefix. */
export function isTicket(token: string): boolean {
  return token.startsWith(ticketPrefix);
}
