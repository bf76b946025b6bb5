import { expect, test } from "vitest";
import { openedStore } from "../../test/support/bare-worker.ts";
import type { Store } from "./database.ts";
import { deploymentId, joinDeployment } from "./deployment.ts";
import { unreachable } from "./outage.ts";

const at = "2026-01-02T03:04:05.678Z";
const node = { id: "one", payer: "0x01", at, aliveSince: at };

/** A store whose first commits happen, with the word of them lost, as when PostgreSQL ends an idle transaction too late to say so. */
function losing(store: Store, times: number): Pick<Store, "write"> {
  let left = times;
  return {
    async write(unit) {
      const value = await store.write(unit);
      left -= 1;
      if (left >= 0) throw unreachable(new Error("terminating connection due to idle-in-transaction timeout"));
      return value;
    },
  };
}

test("a start survives that its first transactions are cut off, and finds the same deployment", async () => {
  const store = await openedStore();

  const id = await deploymentId(losing(store, 2));
  await joinDeployment(losing(store, 1), node);

  expect(await deploymentId(store)).toBe(id);
  const nodes = await store.db.selectFrom("nodes").select("id").execute();
  expect(nodes).toEqual([{ id: "one" }]);
});

test("what is wrong, and not out of reach, ends the start at once", async () => {
  const store = await openedStore();
  await joinDeployment(store, node);

  const other = joinDeployment(store, { ...node, id: "two", payer: "0x02" });

  await expect(other).rejects.toThrow("The other servers on this database pay from 0x01");
});
