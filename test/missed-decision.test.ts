import { randomUUID } from "node:crypto";
import { setImmediate as oneTurn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { builtInTools } from "../src/agent/built-in-tools.ts";
import { createUrlGuard } from "../src/agent/url-guard.ts";
import { guardedWeb } from "../src/agent/web.ts";
import { localBus } from "../src/cluster/local-bus.ts";
import { SessionConfig } from "../src/protocol/session-config.ts";
import type { Caller } from "../src/runtime/access.ts";
import { approve } from "../src/runtime/approve.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { execute } from "../src/runtime/execute.ts";
import type { Tool } from "../src/runtime/tool.ts";
import { Worker } from "../src/runtime/worker.ts";
import { pendingOfSession } from "../src/store/approvals.ts";
import { openStore, type Store } from "../src/store/database.ts";
import { genesisHash } from "../src/store/event-log.ts";
import { findExecution } from "../src/store/executions.ts";
import { insertSession } from "../src/store/sessions.ts";
import { testDatabase } from "./support/database.ts";
import { type FakeWorld, fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { readTool, writeTool } from "./support/test-tools.ts";

const alice: Caller = { userId: "alice", scopes: new Set(["execute", "approve"]) };

async function openedStore(): Promise<Store> {
  const database = await testDatabase();
  const url = database.env.DATABASE_URL;
  const store = await openStore(url === undefined ? { dataDir: database.dataDir } : { url });
  onTestFinished(async () => {
    await store.close();
    await database.remove();
  });
  return store;
}

/** A worker that hears of nothing that happens on another node. */
async function startWorker(store: Store, world: FakeWorld, own: readonly Tool[] = []): Promise<Worker> {
  const model = callingModel();
  const tools = [...builtInTools(world), ...own];
  const worker = new Worker(
    {
      store,
      clock: systemClock,
      bus: localBus(),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      nodeId: randomUUID(),
      tools: new Map(tools.map((tool) => [tool.name, tool])),
      subagents: new Map(),
      wallet: world.wallet,
      web: guardedWeb(createUrlGuard({ allowedHosts: [] })),
      modelFor: () => model,
      modelNameOf: () => model.name,
      modelPriceOf: () => undefined,
    },
    { sweepMs: 600_000, leaseMs: 600_000, maxRuns: 10 },
  );
  onTestFinished(() => worker.close());
  await worker.open();
  return worker;
}

async function newSession(store: Store, given: object = {}): Promise<string> {
  const id = randomUUID();
  const config = SessionConfig.parse(given);
  const session = { id, userId: "alice", title: undefined, config, headHash: genesisHash(id) };
  await store.write((tx) => insertSession(tx, { ...session, at: "2027-03-01T00:00:00.000Z" }));
  return id;
}

function statusOf(store: Store, id: string) {
  return async () => (await findExecution(store.db, id))?.status;
}

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
