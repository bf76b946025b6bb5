import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { openStore, type Store } from "./database.ts";
import { beat } from "./nodes.ts";

const at = "2026-01-02T03:04:05.678Z";

let store: Store;

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), "paygent-store-"));
  store = await openStore({ dataDir: folder });
  return async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
});

async function nodes(): Promise<string[]> {
  const rows = await store.db.selectFrom("nodes").select("id").orderBy("id").execute();
  return rows.map(({ id }) => id);
}

test("what a unit of work has written is not read before it is committed", async () => {
  let amid: string[] | undefined;

  await store.write(async (tx) => {
    await beat(tx, "node", at);
    amid = await nodes();
  });

  expect(amid).toEqual([]);
  expect(await nodes()).toEqual(["node"]);
});

test("the reading side refuses to write", async () => {
  const written = beat(store.db, "node", at);

  await expect(written).rejects.toThrow(/readonly/);
  expect(await nodes()).toEqual([]);
});
