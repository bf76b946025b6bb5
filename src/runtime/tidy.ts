import type { Store } from "../store/database.ts";
import { deleteOldIdempotencyKeys } from "../store/idempotency-keys.ts";
import { removeSilentNodes } from "../store/nodes.ts";
import { dropFullBuckets } from "../store/rate-buckets.ts";
import { deleteOldRevocations } from "../store/revocations.ts";
import { deleteExpiredTickets } from "../store/tickets.ts";
import { isoTime } from "./clock.ts";

/** As long as nobody notices. */
const graceMs = 60_000;
const idempotencyMs = 24 * 60 * 60_000;

interface TidyOptions {
  readonly now: number;
  readonly leaseMs: number;
  /** How long after it was issued a token is taken at most; without an end revocations are kept for ever. */
  readonly maxTokenMs?: number | undefined;
}

/** Drops what has only a short use: tickets nobody used, answers nobody will ask for again, revocations of tokens that have ended. */
export async function tidy(store: Store, { now, leaseMs, maxTokenMs }: TidyOptions): Promise<void> {
  await store.write(async (tx) => {
    await removeSilentNodes(tx, isoTime(now - graceMs - leaseMs));
    await dropFullBuckets(tx, now - graceMs);
    await deleteExpiredTickets(tx, isoTime(now));
    // A minute more than that, because the issuer's clock may be ahead.
    if (maxTokenMs !== undefined) await deleteOldRevocations(tx, isoTime(now - graceMs - maxTokenMs));
    await deleteOldIdempotencyKeys(tx, isoTime(now - idempotencyMs), isoTime(now - graceMs));
  });
}
