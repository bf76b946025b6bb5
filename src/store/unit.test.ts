import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestDatabase, testDatabase } from "../../test/support/database.ts";
import { SessionConfig } from "../protocol/session-config.ts";
import { openStore, type Store } from "./database.ts";
import { genesisHash, readEvents } from "./event-log.ts";
import { type ExecutionRow, findExecution } from "./executions.ts";
import { findSession, insertSession } from "./sessions.ts";
import { commitUnit, type Unit } from "./unit.ts";
import { verifySessions } from "./verify.ts";

const at = "2026-01-02T03:04:05.678Z";

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await testDatabase();
  const url = database.env.DATABASE_URL;
  store = await openStore(url === undefined ? { dataDir: database.dataDir } : { url });
});

afterAll(async () => {
  await store.close();
  await database.remove();
});

async function newSession(): Promise<string> {
  const id = randomUUID();
  const config = SessionConfig.parse({});
  await store.write((tx) =>
    insertSession(tx, { id, userId: "alice", title: undefined, config, headHash: genesisHash(id), at }),
  );
  return id;
}

function newExecution(sessionId: string): ExecutionRow {
  return {
    id: randomUUID(),
    sessionId,
    userId: "alice",
    command: "check balance",
    plan: undefined,
    requestHash: "",
    status: "queued",
    owner: null,
    fence: 0,
    firstSeq: 1,
    lastSeq: 0,
    budgetLimitMicros: undefined,
    spentMicros: 0n,
    reservedMicros: 0n,
    activeMs: 0,
    claimedAt: null,
    cancelBy: null,
    cancelReason: null,
    cancelRef: null,
    result: null,
    error: null,
    createdAt: at,
    startedAt: null,
    endedAt: null,
  };
}

function begin(unit: Unit): string {
  const execution = newExecution(unit.session.id);
  unit.create(execution);
  unit.append("thinking", { command: execution.command, step: 1 });
  return execution.id;
}

test("a unit's events, its execution and the session's head are there together", async () => {
  const sessionId = await newSession();

  const committed = await commitUnit(store, { sessionId, at }, async (unit) => {
    unit.reservedMicros += 5_000_000n;
    return begin(unit);
  });

  const events = await readEvents(store.db, sessionId, 0, 10);
  expect(events).toEqual(committed?.events);
  expect(events.map(({ type, seq }) => [seq, type])).toEqual([
    [1, "thinking"],
    [2, "budget"],
  ]);
  expect(await findSession(store.db, sessionId)).toMatchObject({
    lastSeq: 2,
    headHash: events[1]?.hash,
    reservedMicros: 5_000_000n,
  });
  expect(await findExecution(store.db, committed?.value ?? "")).toMatchObject({ lastSeq: 2 });
});

test("of a unit that throws nothing is there, neither events nor rows", async () => {
  const sessionId = await newSession();
  let execution = "";

  const committed = commitUnit(store, { sessionId, at }, async (unit) => {
    unit.reservedMicros += 1n;
    execution = begin(unit);
    await unit.save();
    throw new Error("The last step fails.");
  });

  await expect(committed).rejects.toThrow("The last step fails.");
  expect(await readEvents(store.db, sessionId, 0, 10)).toEqual([]);
  expect(await findSession(store.db, sessionId)).toMatchObject({
    lastSeq: 0,
    headHash: genesisHash(sessionId),
    reservedMicros: 0n,
  });
  expect(await findExecution(store.db, execution)).toBeUndefined();
});

test("units on one session that are handed over at once number their events without a gap", async () => {
  const sessionId = await newSession();

  const units = Array.from({ length: 64 }, (_, index) =>
    commitUnit(store, { sessionId, at }, async (unit) => {
      begin(unit);
      if (index % 4 === 0) throw new Error("Every fourth fails.");
    }),
  );
  await Promise.allSettled(units);

  const events = await readEvents(store.db, sessionId, 0, 100);
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 48 }, (_, index) => index + 1));
  for await (const verification of verifySessions(store.db, sessionId))
    expect(verification).toMatchObject({ isIntact: true, events: 48 });
});
