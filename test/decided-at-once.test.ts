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
import { Worker } from "../src/runtime/worker.ts";
import { pendingOfSession } from "../src/store/approvals.ts";
import { openStore, type Store } from "../src/store/database.ts";
import { genesisHash } from "../src/store/event-log.ts";
import { findExecution } from "../src/store/executions.ts";
import { insertSession } from "../src/store/sessions.ts";
import { testDatabase } from "./support/database.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";

const alice: Caller = { userId: "alice", scopes: new Set(["execute", "approve"]) };
const noLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A worker on a store that gives no answer to the commit of a question until it is told to. */
async function startHeldWorker() {
  const database = await testDatabase();
  const url = database.env.DATABASE_URL;
  const real = await openStore(url === undefined ? { dataDir: database.dataDir } : { url });
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const store: Store = {
    ...real,
    async write(unit) {
      const value = await real.write(unit);
      // What a unit of work gives, where it is one, has its events.
      const unitOfWork = value as { events?: { type: string }[] } | undefined;
      if (unitOfWork?.events?.some(({ type }) => type === "approval_required") === true) {
        asked.resolve();
        await held.promise;
      }
      return value;
    },
  };
  const world = fakeWorld();
  const model = callingModel();
  const worker = new Worker(
    {
      store,
      clock: systemClock,
      bus: localBus(),
      log: noLog,
      nodeId: randomUUID(),
      tools: new Map(builtInTools(world).map((tool) => [tool.name, tool])),
      subagents: new Map(),
      wallet: world.wallet,
      web: guardedWeb(createUrlGuard({ allowedHosts: [] })),
      modelFor: () => model,
      modelNameOf: () => model.name,
      modelPriceOf: () => undefined,
    },
    { sweepMs: 600_000, leaseMs: 600_000, maxRuns: 10 },
  );
  onTestFinished(async () => {
    await worker.close();
    await real.close();
    await database.remove();
  });
  await worker.open();
  return { store: real, worker, world, asked: asked.promise, answer: held.resolve };
}

test("a decision that the run reads before its question's commit is answered is not slept through", async () => {
  const { store, worker, world, asked, answer } = await startHeldWorker();
  const sessionId = randomUUID();
  const config = SessionConfig.parse({});
  const session = { id: sessionId, userId: "alice", title: undefined, config, headHash: genesisHash(sessionId) };
  await store.write((tx) => insertSession(tx, { ...session, at: "2027-03-01T00:00:00.000Z" }));
  const input = { command: 'pay_service {"service":"premium-report"}' };
  const { execution } = await execute(worker.runtime, alice, { sessionId, input });
  await asked;
  const [pending] = await pendingOfSession(store.db, sessionId);

  await approve(worker.runtime, alice, { input: { request_id: pending?.id ?? "" } });
  // The run has looked at the log by then: there is nothing else that it waits for.
  await oneTurn();
  answer();

  await expect.poll(async () => (await findExecution(store.db, execution.id))?.status).toBe("completed");
  expect(world.settled).toHaveLength(1);
});
