import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { builtInTools } from "../../src/agent/built-in-tools.ts";
import { createUrlGuard } from "../../src/agent/url-guard.ts";
import { guardedWeb } from "../../src/agent/web.ts";
import { localBus } from "../../src/cluster/local-bus.ts";
import { SessionConfig } from "../../src/protocol/session-config.ts";
import type { Caller } from "../../src/runtime/access.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Tool } from "../../src/runtime/tool.ts";
import { UserQuota } from "../../src/runtime/user-quota.ts";
import { Worker, type WorkerSettings } from "../../src/runtime/worker.ts";
import { openStore, type Store } from "../../src/store/database.ts";
import { genesisHash } from "../../src/store/event-log.ts";
import { findExecution } from "../../src/store/executions.ts";
import { insertSession } from "../../src/store/sessions.ts";
import { testDatabase } from "./database.ts";
import type { FakeWorld } from "./fake-world.ts";
import { callingModel } from "./scripted-model.ts";

export const alice: Caller = { userId: "alice", scopes: new Set(["execute", "approve"]) };

/** A store for one test. */
export async function openedStore(): Promise<Store> {
  const database = await testDatabase();
  const url = database.env.DATABASE_URL;
  const store = await openStore(url === undefined ? { dataDir: database.dataDir } : { url });
  onTestFinished(async () => {
    await store.close();
    await database.remove();
  });
  return store;
}

/** A worker without a server, that sweeps once unless told, when it starts, and hears of nothing that happens on another node. */
export async function startWorker(
  store: Store,
  world: FakeWorld,
  own: readonly Tool[] = [],
  settings: Partial<WorkerSettings> = {},
): Promise<Worker> {
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
      userQuota: new UserQuota(0, systemClock),
      modelPriceOf: () => undefined,
    },
    { sweepMs: 600_000, leaseMs: 600_000, maxRuns: 10, ...settings },
  );
  onTestFinished(() => worker.close());
  await worker.open();
  return worker;
}

export async function newSession(store: Store, given: object = {}): Promise<string> {
  const id = randomUUID();
  const config = SessionConfig.parse(given);
  const session = { id, userId: "alice", title: undefined, config, headHash: genesisHash(id) };
  await store.write((tx) => insertSession(tx, { ...session, at: "2027-03-01T00:00:00.000Z" }));
  return id;
}

/** For `expect.poll`. */
export function statusOf(store: Store, id: string) {
  return async () => (await findExecution(store.db, id))?.status;
}
