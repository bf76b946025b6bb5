import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { openStore, openStoreForReading, type Store } from "./database.ts";
import { beat } from "./nodes.ts";
import type { Database } from "./statement.ts";

const at = "2026-01-02T03:04:05.678Z";

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "paygent-store-"));
  store = await openStore({ dataDir: folder });
  return async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
});

/** The nodes that another connection sees: what is committed. */
async function committedNodes(): Promise<string[]> {
  const reader = await openStoreForReading({ dataDir: folder });
  const rows = await reader.db.selectFrom("nodes").select("id").orderBy("id").execute();
  await reader.close();
  return rows.map(({ id }) => id);
}

const writeNode = (id: string) => store.write((tx) => beat(tx, id, at));

const writeNodeAndFail = (id: string, error: unknown) =>
  store.write(async (tx) => {
    await beat(tx, id, at);
    throw error;
  });

test("of units that commit together, one that throws is undone alone", async () => {
  const failure = new Error("This unit changes its mind.");

  const outcomes = await Promise.allSettled([writeNode("a"), writeNodeAndFail("b", failure), writeNode("c")]);

  expect(outcomes).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: failure },
    { status: "fulfilled" },
  ]);
  expect(await committedNodes()).toEqual(["a", "c"]);
});

test("a unit whose statement is refused is undone as a whole, and its neighbours stand", async () => {
  const refused = store.write(async (tx) => {
    await beat(tx, "b", at);
    await tx.insertInto("nodes").values({ id: "b", heartbeat_at: at }).execute();
  });

  const outcomes = await Promise.allSettled([writeNode("a"), refused, writeNode("c")]);

  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await committedNodes()).toEqual(["a", "c"]);
});

test("a unit resolves only when it is committed, and what runs does not show before", async () => {
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
  const seen: string[][] = [];
  const unit = store.write(async (tx) => {
    await beat(tx, "a", at);
    seen.push(await nodesIn(store.db), await committedNodes());
    open();
  });
  await isOpen;

  await unit;

  expect(seen).toEqual([[], []]);
  expect(await committedNodes()).toEqual(["a"]);
  expect(await nodesIn(store.db)).toEqual(["a"]);
});

test("units run in the order in which they came, also those that came while others ran", async () => {
  const order: number[] = [];
  const write = (number: number) => store.write(async () => void order.push(number));

  await Promise.all([write(1), write(2).then(() => write(5)), write(3), write(4)]);

  expect(order).toEqual([1, 2, 3, 4, 5]);
});

test("closing waits for what was handed over", async () => {
  const units = ["a", "b", "c"].map(writeNode);

  await store.close();

  await Promise.all(units);
  expect(await committedNodes()).toEqual(["a", "b", "c"]);
  store = await openStore({ dataDir: folder });
});

async function nodesIn(db: Database): Promise<string[]> {
  return (await db.selectFrom("nodes").select("id").execute()).map(({ id }) => id);
}
