import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openStore, type Store } from "../src/store/database.ts";
import { newExecution } from "../src/store/executions.ts";
import { beat } from "../src/store/nodes.ts";
import { findSession } from "../src/store/sessions.ts";
import { commitUnit, type Unit } from "../src/store/unit.ts";
import { newSession } from "./support/bare-worker.ts";
import { testDatabase } from "./support/database.ts";

const isShared = (process.env.DATABASE_URL ?? "") !== "";
const at = "2027-03-01T00:00:00.000Z";

async function opened(): Promise<{ store: Store; beside: pg.Client }> {
  const database = await testDatabase();
  const url = database.env.DATABASE_URL ?? "";
  const store = await openStore({ url });
  const beside = new pg.Client({ connectionString: url });
  beside.on("error", () => undefined);
  await beside.connect();
  onTestFinished(async () => {
    await beside.end();
    await store.close();
    await database.remove();
  });
  return { store, beside };
}

async function sessions(store: Store, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => newSession(store)));
}

function start(store: Store, sessionId: string, id: string = randomUUID()) {
  return commitUnit(store, { sessionId, at }, async (unit: Unit) => {
    const { userId } = unit.session;
    const given = { id, sessionId, userId, command: "check balance", plan: undefined, requestHash: "" };
    unit.create(newExecution({ ...given, budgetLimitMicros: undefined, createdAt: at, firstSeq: unit.nextSeq }));
    unit.append("execution_started", { command: "check balance", budget_limit_usd: null, queued: true, by: userId });
  });
}

/** How many transactions wrote the sessions as they are now. */
async function transactionsOf(beside: pg.Client, ids: readonly string[]): Promise<number> {
  const { rows } = await beside.query<{ count: string }>(
    "select count(distinct xmin::text) as count from sessions where id = any($1)",
    [ids],
  );
  return Number(rows[0]?.count);
}

test.skipIf(!isShared)("what several sessions commit at once is one transaction", async () => {
  const { store, beside } = await opened();
  const ids = await sessions(store, 20);

  await Promise.all(ids.map((id) => start(store, id)));

  expect(await transactionsOf(beside, ids)).toBe(1);
});

test.skipIf(!isShared)("a session that another server holds keeps no other waiting", async () => {
  const { store, beside } = await opened();
  const [held = "", ...others] = await sessions(store, 5);
  await beside.query("begin");
  await beside.query("select * from sessions where id = $1 for update", [held]);

  let isDone = false;
  const waiting = start(store, held).finally(() => {
    isDone = true;
  });
  await Promise.all(others.map((id) => start(store, id)));
  expect(isDone).toBe(false);
  await beside.query("commit");

  expect((await waiting)?.events).toMatchObject([{ seq: 1, type: "execution_started" }]);
});

test.skipIf(!isShared)("an id that is taken fails its own unit and no other", async () => {
  const { store, beside } = await opened();
  const [first = "", second = "", ...others] = await sessions(store, 5);
  const id = randomUUID();

  const outcomes = await Promise.allSettled([
    start(store, first, id),
    start(store, second, id),
    ...others.map((other) => start(store, other)),
  ]);

  expect(outcomes.map(({ status }) => status).sort()).toEqual([
    ...["fulfilled", "fulfilled", "fulfilled", "fulfilled"],
    "rejected",
  ]);
  const { rows } = await beside.query("select session_id from executions where id = $1", [id]);
  expect(rows).toHaveLength(1);
  expect(await transactionsOf(beside, others)).toBe(1);
});

test.skipIf(!isShared)("units of one session see what the one before them changed", async () => {
  const { store } = await opened();
  const [id = ""] = await sessions(store, 1);

  const started = await Promise.all(Array.from({ length: 30 }, () => start(store, id)));

  expect(started.map((one) => one?.events[0]?.seq)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
});

test.skipIf(!isShared)(
  "of a group whose connection is cut no unit runs twice, and none is reported done that is not",
  async () => {
    const { store, beside } = await opened();
    const ids = await sessions(store, 10);
    let runs = 0;

    const cut = ids.map((sessionId) =>
      commitUnit(store, { sessionId, at }, async (unit) => {
        runs += 1;
        unit.appendToSession("freeze", { scope: "session", frozen: true, by: "alice" });
        if (runs !== ids.length) return;
        await beside.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
        );
      }),
    );

    const unavailable = { status: "rejected", reason: expect.objectContaining({ code: "unavailable" }) };
    expect(await Promise.allSettled(cut)).toEqual(ids.map(() => unavailable));
    expect(runs).toBe(ids.length);
    expect((await beside.query("select 1 from events")).rows).toEqual([]);
  },
);

test.skipIf(!isShared)("an id that another transaction is about to take holds up its own unit alone", async () => {
  const { store, beside } = await opened();
  const [first = "", second = "", ...others] = await sessions(store, 5);
  const id = randomUUID();
  await start(store, first, id);
  // As another server would do that has inserted it and has not committed yet.
  await beside.query("begin");
  await beside.query("delete from executions where id = $1", [id]);

  let isDone = false;
  const waiting = start(store, second, id).finally(() => {
    isDone = true;
  });
  await Promise.all(others.map((other) => start(store, other)));
  expect(isDone).toBe(false);
  await beside.query("commit");

  expect((await waiting)?.events).toHaveLength(1);
});

/** Units of `count` transactions of their own, which wait for a row that another transaction has until it commits. */
async function waitingUnits(store: Store, beside: pg.Client, count: number, userId?: string) {
  await store.write((tx) => beat(tx, "held", at));
  await beside.query("begin");
  await beside.query("select * from nodes where id = 'held' for update");
  let done = 0;
  const units = Array.from({ length: count }, async () => {
    await store.write((tx) => beat(tx, "held", at), { userId });
    done += 1;
  });
  return { units, done: () => done };
}

test.skipIf(!isShared)("units that wait for a row leave connections to everybody else", async () => {
  const { store, beside } = await opened();
  const [id = ""] = await sessions(store, 1);
  const { units, done } = await waitingUnits(store, beside, 40);

  expect((await start(store, id))?.events).toHaveLength(1);
  expect(await findSession(store.db, id)).toMatchObject({ lastSeq: 1 });
  await store.write((tx) => beat(tx, "alive", at), { isUrgent: true });
  expect(done()).toBe(0);

  await beside.query("commit");
  await Promise.all(units);
});

test.skipIf(!isShared)("what is done for one user alone keeps no other's waiting", async () => {
  const { store, beside } = await opened();
  const { units, done } = await waitingUnits(store, beside, 40, "alice");

  await store.write((tx) => beat(tx, "bob's", at), { userId: "bob" });
  await store.write((tx) => beat(tx, "nobody's", at));
  expect(done()).toBe(0);

  await beside.query("commit");
  await Promise.all(units);
});

test.skipIf(!isShared)("reads that take long keep nothing waiting that is short", async () => {
  const { store } = await opened();
  const [id = ""] = await sessions(store, 1);
  let done = 0;
  const long = Array.from({ length: 24 }, async () => {
    await sql`select pg_sleep(1)`.execute(store.db);
    done += 1;
  });

  expect((await start(store, id))?.events).toHaveLength(1);
  expect(await findSession(store.db, id)).toMatchObject({ lastSeq: 1 });
  await store.write((tx) => beat(tx, "alive", at), { isUrgent: true });
  expect(done).toBe(0);

  await Promise.all(long);
});

test.skipIf(!isShared)("what would wait behind thousands of others is refused at once", async () => {
  const { store, beside } = await opened();
  const { units } = await waitingUnits(store, beside, 4008);
  await findSession(store.db, "none");

  await expect(store.write((tx) => beat(tx, "held", at))).rejects.toMatchObject({
    code: "unavailable",
    message: "The store cannot keep up at the moment; nothing was changed. Try again shortly.",
  });

  await beside.query("commit");
  await Promise.all(units);
});
