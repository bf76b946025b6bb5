import type { Database } from "./statement.ts";

/** One person's approval of a request that needs several. */
export interface VoteRow {
  readonly userId: string;
  readonly reason: string | undefined;
  readonly createdAt: string;
}

/** Records a vote; the primary key refuses a second one of the same person. */
export async function insertVote(tx: Database, approvalId: string, vote: VoteRow): Promise<void> {
  await tx
    .insertInto("approval_votes")
    .values({
      approval_id: approvalId,
      user_id: vote.userId,
      reason: vote.reason ?? null,
      created_at: vote.createdAt,
    })
    .execute();
}

export async function votesOf(db: Database, approvalId: string): Promise<VoteRow[]> {
  const rows = await db
    .selectFrom("approval_votes")
    .selectAll()
    .where("approval_id", "=", approvalId)
    .orderBy("created_at")
    .orderBy("user_id")
    .execute();
  return rows.map((row) => ({ userId: row.user_id, reason: row.reason ?? undefined, createdAt: row.created_at }));
}
