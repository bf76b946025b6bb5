import { setImmediate as oneTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { approve } from "../src/runtime/approve.ts";
import { execute } from "../src/runtime/execute.ts";
import { pendingOfSession } from "../src/store/approvals.ts";
import type { Store } from "../src/store/database.ts";
import { alice, newSession, openedStore, startWorker, statusOf } from "./support/bare-worker.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { readTool, writeTool } from "./support/test-tools.ts";

/** The store, and the moment when the commit of a question is done, whose answer is held until told. */
function holdingQuestions(store: Store) {
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const write: Store["write"] = async (unit) => {
    const value = await store.write(unit);
    // What a unit of work gives, where it is one, has its events.
    const unitOfWork = value as { events?: { type: string }[] } | undefined;
    if (unitOfWork?.events?.some(({ type }) => type === "approval_required") === true) {
      asked.resolve();
      await held.promise;
    }
    return value;
  };
  return { holding: { ...store, write }, asked: asked.promise, answer: held.resolve };
}

test("a decision that the run reads before its question's commit is answered is not slept through", async () => {
  const store = await openedStore();
  const world = fakeWorld();
  const { holding, asked, answer } = holdingQuestions(store);
  const { runtime } = await startWorker(holding, world);
  const sessionId = await newSession(store);
  const input = { command: 'pay_service {"service":"premium-report"}' };
  const { execution } = await execute(runtime, alice, { sessionId, input });
  await asked;
  const [pending] = await pendingOfSession(store.db, sessionId);

  await approve(runtime, alice, { input: { request_id: pending?.id ?? "" } });
  // The run has looked at the log by then: there is nothing else that it waits for.
  await oneTurn();
  answer();

  await expect.poll(statusOf(store, execution.id)).toBe("completed");
  expect(world.settled).toHaveLength(1);
});

test("a decision on another node whose hint was lost is found with the run's next commit", async () => {
  const store = await openedStore();
  const world = fakeWorld();
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const hold = readTool("hold", () => {
    begun.resolve();
    return held.promise.then(() => "held");
  });
  let writes = 0;
  const append = writeTool("append", () => ++writes);
  const { runtime } = await startWorker(store, world, [hold, append]);
  const other = await startWorker(store, world, [hold, append]);
  const sessionId = await newSession(store, { tools: { append: "ask" } });
  const { execution } = await execute(runtime, alice, { sessionId, input: { command: "hold {} && append {}" } });
  await begun.promise;
  const [pending] = await pendingOfSession(store.db, sessionId);

  await approve(other.runtime, alice, { input: { request_id: pending?.id ?? "" } });
  held.resolve();

  await expect.poll(statusOf(store, execution.id)).toBe("completed");
  expect(writes).toBe(1);
});

test("a decision on another node whose hint was lost is found by the sweep while a call goes on", async () => {
  const store = await openedStore();
  const world = fakeWorld();
  const begun = Promise.withResolvers<void>();
  const hold = readTool("hold", () => {
    begun.resolve();
    return new Promise<never>(() => undefined);
  });
  let writes = 0;
  const append = writeTool("append", () => ++writes);
  const { runtime } = await startWorker(store, world, [hold, append], { sweepMs: 50 });
  const other = await startWorker(store, world, [hold, append]);
  const sessionId = await newSession(store, { tools: { append: "ask" } });
  await execute(runtime, alice, { sessionId, input: { command: "hold {} && append {}" } });
  await begun.promise;
  const [pending] = await pendingOfSession(store.db, sessionId);

  await approve(other.runtime, alice, { input: { request_id: pending?.id ?? "" } });

  await expect.poll(() => writes).toBe(1);
});
