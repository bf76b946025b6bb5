import { newId } from "../protocol/new-id.ts";
import type { Store } from "./database.ts";

/** What tells the servers of this database from those of others that share a message broker with them. */
export async function deploymentId({ write }: Pick<Store, "write">): Promise<string> {
  return write(async (tx) => {
    await tx
      .insertInto("deployment")
      .values({ one: 1, id: newId() })
      .onConflict((conflict) => conflict.column("one").doNothing())
      .execute();
    const { id } = await tx.selectFrom("deployment").select("id").executeTakeFirstOrThrow();
    return id;
  });
}
