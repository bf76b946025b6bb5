import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { newSession, openedStore } from "../../test/support/bare-worker.ts";
import type { Store } from "../store/database.ts";
import { insertExecution, newExecution } from "../store/executions.ts";
import { UserQuota } from "./user-quota.ts";

const at = "2027-03-01T00:00:00.000Z";

/** Has a user of `store` start so many, as another server would. */
async function startElsewhere(store: Store, count: number): Promise<void> {
  const sessionId = await newSession(store);
  await store.write(async (tx) => {
    for (let firstSeq = 1; firstSeq <= count; firstSeq++) {
      const given = { id: randomUUID(), sessionId, userId: "alice", command: "", plan: undefined, requestHash: "" };
      await insertExecution(tx, newExecution({ ...given, budgetLimitMicros: undefined, createdAt: at, firstSeq }));
    }
  });
}

test("while much is left a count serves for a second", async () => {
  const store = await openedStore();
  let now = 0;
  const quota = new UserQuota(200, { now: () => now });
  expect(await quota.isFull(store.db, "alice")).toBe(false);

  await startElsewhere(store, 200);
  now = 999;
  expect(await quota.isFull(store.db, "alice")).toBe(false);
  now = 1000;
  expect(await quota.isFull(store.db, "alice")).toBe(true);
  expect(await quota.isFull(store.db, "bob")).toBe(false);
});

test("with few left, each command has them counted", async () => {
  const store = await openedStore();
  const quota = new UserQuota(200, { now: () => 0 });
  expect(await quota.isFull(store.db, "alice")).toBe(false);

  await startElsewhere(store, 200);
  for (let started = 0; started < 101; started++) quota.add("alice");

  expect(await quota.isFull(store.db, "alice")).toBe(true);
});

test("a limit of 0 is none", async () => {
  const store = await openedStore();
  await startElsewhere(store, 1);

  expect(await new UserQuota(0, { now: () => 0 }).isFull(store.db, "alice")).toBe(false);
});
