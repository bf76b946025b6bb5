import { sql } from "kysely";
import { forgetSocketsOf } from "./socket-counts.ts";
import { change, type Database, statement } from "./statement.ts";

const upsert = change<{ id: string; at: string }>((db, param) =>
  db
    .insertInto("nodes")
    .values({ id: param("id"), heartbeat_at: param("at") })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ heartbeat_at: param("at") })),
);

/** Says that a node is alive: the lease of everything it owns. */
export async function beat(tx: Database, id: string, at: string): Promise<void> {
  await upsert(tx, { id, at });
}

/** Ends a node's lease at once, so that nobody waits for it to lapse. */
export async function removeNode(tx: Database, id: string): Promise<void> {
  await tx.deleteFrom("nodes").where("id", "=", id).execute();
}

/** For a store that only one process can hold: whoever beat before is gone. */
export async function removeAllNodes(tx: Database): Promise<void> {
  await tx.deleteFrom("nodes").execute();
}

const selectOther = statement<{ id: string }, { id: string }>((db, param) =>
  db.selectFrom("nodes").select("id").where("id", "!=", param("id")).limit(sql.lit(1)),
);

export async function hasOtherNodes(db: Database, id: string): Promise<boolean> {
  return (await selectOther(db, { id })).length > 0;
}

/** Forgets nodes that did not beat since then; what they owned was taken over, and no longer counted, long ago. */
export async function removeSilentNodes(tx: Database, silentSince: string): Promise<void> {
  const removed = await tx.deleteFrom("nodes").where("heartbeat_at", "<", silentSince).returning("id").execute();
  await forgetSocketsOf(
    tx,
    removed.map(({ id }) => id),
  );
}
