import { PaygentError } from "../protocol/errors.ts";
import { newId } from "../protocol/new-id.ts";
import type { Store } from "./database.ts";
import { beat } from "./nodes.ts";
import type { Database } from "./statement.ts";
import { tryFor } from "./try-for.ts";

const patienceMs = 10_000;

/**
 * What happens here happens when a server starts, and twice as well as once. A connection that breaks at that moment,
 * or a process that stands still amid the transaction for longer than PostgreSQL lets it, does not end the start.
 */
function writePatiently<T>({ write }: Pick<Store, "write">, unit: (tx: Database) => Promise<T>): Promise<T> {
  const mayPass = (error: unknown) => error instanceof PaygentError && error.code === "unavailable";
  return tryFor(patienceMs, () => write(unit), { mayPass });
}

/** What tells the servers of this database from those of others that share a message broker with them. */
export async function deploymentId(store: Pick<Store, "write">): Promise<string> {
  return writePatiently(store, async (tx) => (await deployment(tx)).id);
}

/** Notes that there is an archive; `mark` is called before, unless it was noted already. */
export async function beginArchive(store: Pick<Store, "write">, at: string, mark: () => void): Promise<void> {
  await writePatiently(store, async (tx) => {
    const { archiveBegunAt } = await deployment(tx);
    if (archiveBegunAt !== null) return;
    mark();
    await tx.updateTable("deployment").set({ archive_begun_at: at }).execute();
  });
}

/**
 * Joins the servers of this database, which all pay from one wallet on one network: what one of them signed
 * another must be able to look up and go on with. Throws a sentence when those that are alive pay from another.
 */
export async function joinDeployment(
  store: Pick<Store, "write">,
  node: { readonly id: string; readonly payer: string; readonly at: string; readonly aliveSince: string },
): Promise<void> {
  await writePatiently(store, async (tx) => {
    const { payer } = await deployment(tx);
    const others = await tx
      .selectFrom("nodes")
      .select("id")
      .where("id", "!=", node.id)
      .where("heartbeat_at", ">=", node.aliveSince)
      .limit(1)
      .execute();
    if (others.length > 0 && payer !== null && payer !== node.payer) {
      throw new Error(
        `The other servers on this database pay from ${payer}, and this one would pay from ${node.payer}. Give all of them the same PAYGENT_CHAIN and keystore; on the local chain, the same PAYGENT_DATA_DIR.`,
      );
    }
    await tx.updateTable("deployment").set({ payer: node.payer }).execute();
    await beat(tx, node.id, node.at);
  });
}

/** The one row, made when it is first needed and held until the transaction ends. */
async function deployment(tx: Database): Promise<{ id: string; payer: string | null; archiveBegunAt: string | null }> {
  await tx
    .insertInto("deployment")
    .values({ one: 1, id: newId() })
    .onConflict((conflict) => conflict.column("one").doUpdateSet({ one: 1 }))
    .execute();
  return tx
    .selectFrom("deployment")
    .select(["id", "payer", "archive_begun_at as archiveBegunAt"])
    .executeTakeFirstOrThrow();
}
