import { PaygentError } from "../protocol/errors.ts";
import type { RevokeTokens } from "../protocol/revocation.ts";
import type { Store } from "../store/database.ts";
import {
  holdRevocationsOf,
  lockRevocations,
  putRevocation,
  type RevocationRow,
  revocationsOf,
} from "../store/revocations.ts";
import type { Database } from "../store/statement.ts";
import { type Caller, requireScope, unauthenticated } from "./access.ts";
import { isoTime } from "./clock.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Ends one token, or all that a user was issued before now. From when this resolves nothing more is committed
 * for them, on any server of the database. Twice is once.
 */
export async function revoke(
  { store, clock, log }: Pick<Runtime, "store" | "clock" | "log">,
  caller: Caller,
  { token_id, user_id }: RevokeTokens,
): Promise<RevocationRow> {
  requireScope(caller, "admin");
  if (caller.token === undefined) {
    const sentence =
      "In local mode there is one token, and it cannot be revoked. To replace it, delete the file access-token in the data folder and start the server again.";
    throw new PaygentError("conflict", sentence);
  }
  const target =
    token_id === undefined
      ? { kind: "user" as const, subject: user_id ?? "" }
      : { kind: "token" as const, subject: token_id };
  const row = await store.write(async (tx) => {
    await lockRevocations(tx);
    await refuseRevoked(tx, caller);
    return putRevocation(tx, { ...target, byUser: caller.userId, revokedAt: isoTime(clock.now()) });
  });
  log.warn({ kind: row.kind, subject: row.subject, by: caller.userId, revoked_at: row.revokedAt }, "tokens revoked");
  return row;
}

/** Throws `unauthenticated` when the caller's token was revoked. */
export async function refuseRevoked(db: Database, caller: Caller, find = revocationsOf): Promise<void> {
  if (caller.token === undefined) return;
  // No token has the empty id, and no revocation.
  const rows = await find(db, { tokenId: caller.token.id ?? "", userId: caller.userId });
  if (rows.some((row) => isRevokedBy(caller, row))) throw unauthenticated("the token was revoked");
}

/** Runs a transaction for a caller, unless the caller's token was revoked by now. */
export function writeFor<T>(
  store: Pick<Store, "write">,
  caller: Caller,
  work: (tx: Database) => Promise<T>,
): Promise<T> {
  return store.write(async (tx) => {
    await refuseRevoked(tx, caller, holdRevocationsOf);
    return work(tx);
  });
}

/** Whether a revocation is of the caller's token. One that does not say when it was issued is older than all of them. */
export function isRevokedBy({ userId, token }: Caller, { kind, subject, revokedAt }: RevocationRow): boolean {
  if (token === undefined) return false;
  if (kind === "token") return token.id === subject;
  return userId === subject && (token.issuedAt === undefined || isoTime(token.issuedAt) < revokedAt);
}
