import type { Database } from "./statement.ts";

export interface IdempotencyRow {
  readonly requestHash: string;
  /** Undefined while the first request is still being worked on. */
  readonly reply: KeptReply | undefined;
}

/** An answer as it was first given. */
export interface KeptReply {
  readonly status: number;
  readonly body: string;
  /** The `Location` that it was given with. */
  readonly location: string | undefined;
}

/** Takes a key for a request; gives the row that was there before, if one was. */
export async function claimIdempotencyKey(
  tx: Database,
  key: { userId: string; key: string; requestHash: string; at: string },
): Promise<IdempotencyRow | undefined> {
  const inserted = await tx
    .insertInto("idempotency_keys")
    .values({
      user_id: key.userId,
      key: key.key,
      request_hash: key.requestHash,
      status: null,
      response: null,
      location: null,
      created_at: key.at,
    })
    .onConflict((conflict) => conflict.columns(["user_id", "key"]).doNothing())
    .returning("key")
    .executeTakeFirst();
  if (inserted !== undefined) return undefined;
  const row = await tx
    .selectFrom("idempotency_keys")
    .selectAll()
    .where("user_id", "=", key.userId)
    .where("key", "=", key.key)
    .executeTakeFirstOrThrow();
  const reply =
    row.status === null
      ? undefined
      : { status: row.status, body: row.response ?? "", location: row.location ?? undefined };
  return { requestHash: row.request_hash, reply };
}

export async function keepReply(tx: Database, key: { userId: string; key: string }, reply: KeptReply): Promise<void> {
  await tx
    .updateTable("idempotency_keys")
    .set({ status: reply.status, response: reply.body, location: reply.location ?? null })
    .where("user_id", "=", key.userId)
    .where("key", "=", key.key)
    .execute();
}

export async function releaseIdempotencyKey(tx: Database, key: { userId: string; key: string }): Promise<void> {
  await tx
    .deleteFrom("idempotency_keys")
    .where("user_id", "=", key.userId)
    .where("key", "=", key.key)
    .where("status", "is", null)
    .execute();
}

/** Forgets answers made before `before`, and requests that a dead process left unanswered. */
export async function deleteOldIdempotencyKeys(tx: Database, before: string, unansweredBefore: string): Promise<void> {
  await tx
    .deleteFrom("idempotency_keys")
    .where(({ eb, or, and }) =>
      or([eb("created_at", "<", before), and([eb("status", "is", null), eb("created_at", "<", unansweredBefore)])]),
    )
    .execute();
}
