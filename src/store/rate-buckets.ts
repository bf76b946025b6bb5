import { sql } from "kysely";
import { type Database, isShared } from "./statement.ts";

/** So many a second of each subject, and at most so many at once. */
export interface BucketSize {
  readonly rate: string;
  readonly perSecond: number;
  readonly most: number;
}

export interface Asked {
  readonly subject: string;
  readonly wanted: number;
}

export interface Grant {
  readonly granted: number;
  /** When less was granted than wanted: how long until there is one more. */
  readonly waitMs: number;
}

/**
 * Takes up to what is wanted out of each subject's bucket, which fills with time. It is one statement, so a
 * transaction of its own, and a subject is one row: nodes that take at once are granted together no more than
 * there is. A time before the last one fills nothing.
 */
export async function takeFromBuckets<Taker extends Asked>(
  db: Database,
  { rate, perSecond, most }: BucketSize,
  nowMs: number,
  takers: readonly Taker[],
): Promise<(Taker & Grant)[]> {
  const filled = sql`least(
    ${most}::bigint * 1000,
    bucket.left_milli + greatest(0, excluded.at_ms - bucket.at_ms) * ${perSecond}::bigint)`;
  const taken = sql`least(excluded.granted, (${filled}) / 1000)`;
  // In order of the key, so that no two nodes wait for each other.
  const { rows } = await sql<{ subject: string; granted: number; left_milli: number }>`
    insert into rate_buckets as bucket (rate, subject, left_milli, at_ms, granted)
    select ${rate}::text, subject, (${most}::bigint - least(wanted, ${most}::int)) * 1000, ${nowMs}::bigint,
           least(wanted, ${most}::int)
    from unnest(${takers.map(({ subject }) => subject)}::text[], ${takers.map(({ wanted }) => wanted)}::int[])
      as given (subject, wanted)
    order by subject
    on conflict (rate, subject) do update set
      granted = ${taken},
      left_milli = ${filled} - ${taken} * 1000,
      at_ms = greatest(bucket.at_ms, excluded.at_ms)
    returning subject, granted, left_milli`.execute(db);
  const grants = new Map(rows.map((row) => [row.subject, row]));
  return takers.map((taker) => {
    const row = grants.get(taker.subject);
    if (row === undefined) throw new Error("A bucket was asked and did not answer.");
    const { granted, left_milli: left } = row;
    const waitMs = granted < taker.wanted ? Math.max(1, Math.ceil((1000 - left) / perSecond)) : 0;
    return { ...taker, granted, waitMs };
  });
}

/** Drops buckets that nobody took from since then: they are full again, which is as good as none. */
export async function dropFullBuckets(tx: Database, beforeMs: number): Promise<void> {
  if (!isShared(tx)) return;
  await sql`
    delete from rate_buckets where (rate, subject) in (
      select rate, subject from rate_buckets where at_ms < ${beforeMs}::bigint for update skip locked)`.execute(tx);
}
