import type pg from "pg";
import { expect, test } from "vitest";
import { insertExecution, newExecution } from "./executions.ts";
import { PostgresUnits } from "./postgres-unit.ts";
import { findSession, lockSession, saveSessionHead } from "./sessions.ts";
import { type Database, LeavesGroup } from "./statement.ts";

const head = { id: "one", lastSeq: 1, headHash: "", spentMicros: 0n, reservedMicros: 0n };

/** A connection that says to each statement what a test wants, and remembers what it was sent. */
function connection(answerTo: (text: string) => { command?: string } | Error) {
  const sent: string[] = [];
  const values: unknown[][] = [];
  const query = async (given: string | { text: string; values?: unknown[] }) => {
    const text = typeof given === "string" ? given : given.text;
    sent.push(text);
    if (typeof given !== "string") values.push(given.values ?? []);
    // An answer comes later than what is sent in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    const answer = answerTo(text);
    if (answer instanceof Error) throw answer;
    return { rows: [], ...answer };
  };
  // Of a client, units use `query` alone.
  return { sent, values, units: new PostgresUnits({ query } as unknown as pg.PoolClient) };
}

test("the first reads go out with `begin`, and the changes with `commit`", async () => {
  const { sent, units } = connection((text) => ({ command: text.toUpperCase() }));
  let sentAtFirst: string[] = [];

  await units.transact(async (tx) => {
    const reads = [findSession(tx, "one"), findSession(tx, "two")];
    sentAtFirst = [...sent];
    await Promise.all(reads);
    await saveSessionHead(tx, head);
  });

  expect(sentAtFirst).toHaveLength(3);
  expect(sent.map((text) => text.split(" ", 1)[0])).toEqual(["begin", "select", "select", "update", "commit"]);
});

test("what has not begun changes nothing", async () => {
  const failure = new Error("out of memory");
  const { sent, units } = connection((text) => (text === "begin" ? failure : { command: "" }));

  const unit = units.transact(async (tx) => {
    await Promise.all([saveSessionHead(tx, head), findSession(tx, "one")]);
  });

  await expect(unit).rejects.toBe(failure);
  expect(sent.filter((text) => text.startsWith("update"))).toEqual([]);
});

test("a change that fails is the failure of its unit, not what failed behind it", async () => {
  const failure = new Error("duplicate key");
  const { units } = connection((text) =>
    text.startsWith("update") ? failure : text.startsWith("select") ? new Error("aborted") : { command: "ROLLBACK" },
  );

  const alone = units.transact((tx) => saveSessionHead(tx, head));
  await expect(alone).rejects.toBe(failure);
  const followed = units.transact(async (tx) => {
    await saveSessionHead(tx, head);
    await findSession(tx, "one");
  });
  await expect(followed).rejects.toBe(failure);
});

test("a commit that PostgreSQL makes a rollback of is a failure", async () => {
  const { units } = connection((text) => ({ command: text === "commit" ? "ROLLBACK" : "" }));

  await expect(units.transact((tx) => saveSessionHead(tx, head))).rejects.toThrow("answered ROLLBACK to a commit");
});

test("changes of one row happen one after the other", async () => {
  const { sent, units } = connection((text) => ({ command: text.toUpperCase() }));

  await units.transact(async (tx) => {
    await saveSessionHead(tx, head);
    await saveSessionHead(tx, { ...head, lastSeq: 2 });
  });

  expect(sent.filter((text) => text.startsWith("update"))).toHaveLength(2);
});

const execution = {
  sessionId: "one",
  userId: "alice",
  command: "check balance",
  plan: undefined,
  requestHash: "",
  budgetLimitMicros: undefined,
  createdAt: "2026-01-02T03:04:05.678Z",
  firstSeq: 1,
};
const ofCommands = (sent: readonly string[]) => sent.map((text) => text.split(/[ ;]/, 1)[0]);
const leaving = { status: "rejected", reason: expect.any(LeavesGroup) };
const fine = (text: string) => ({ command: text.toUpperCase() });

test("units of a group share a transaction, and one that fails changes nothing", async () => {
  const { sent, units } = connection(fine);
  const failure = new Error("This unit changes its mind.");

  const outcomes = await units.group<unknown>([
    async (tx) => saveSessionHead(tx, { ...head, id: "one" }),
    async (tx) => {
      await saveSessionHead(tx, { ...head, id: "two" });
      throw failure;
    },
    async (tx) => findSession(tx, "three"),
  ]);

  expect(outcomes).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: failure },
    { status: "fulfilled" },
  ]);
  expect(ofCommands(sent)).toEqual(["begin", "select", "update", "commit"]);
});

test("a unit that would read what it has changed leaves its group, which takes nothing back", async () => {
  const { sent, units } = connection(fine);

  const outcomes = await units.group<unknown>([
    async (tx) => saveSessionHead(tx, { ...head, id: "one" }),
    async (tx) => {
      await saveSessionHead(tx, { ...head, id: "two" });
      await findSession(tx, "two");
    },
    async (tx) => {
      await saveSessionHead(tx, { ...head, id: "three" });
      await saveSessionHead(tx, { ...head, id: "three", lastSeq: 2 });
    },
  ]);

  expect(outcomes).toMatchObject([{ status: "fulfilled" }, leaving, leaving]);
  expect(ofCommands(sent)).toEqual(["begin", "update", "commit"]);
});

test("of a group that is undone, the unit whose change it was leaves, and the others go again", async () => {
  const failure = new Error("duplicate key");
  let isUndone = false;
  const { sent, units } = connection((text) => {
    if (text === "commit") return { command: isUndone ? "ROLLBACK" : "COMMIT" };
    isUndone = text.startsWith("insert") || (isUndone && !text.startsWith("begin"));
    return text.startsWith("insert") ? failure : fine(text);
  });

  const outcomes = await units.group<unknown>([
    (tx) => saveSessionHead(tx, { ...head, id: "one" }),
    (tx) => insertExecution(tx, newExecution({ ...execution, id: "taken" })),
    (tx) => saveSessionHead(tx, { ...head, id: "three" }),
  ]);

  expect(outcomes).toMatchObject([{ status: "fulfilled" }, leaving, { status: "fulfilled" }]);
  expect(ofCommands(sent)).toEqual([
    ...["begin", "update", "update", "insert", "commit"],
    ...["begin", "update", "update", "commit"],
  ]);
});

test("of a group that was undone by no unit's statement, all run again", async () => {
  const { units } = connection((text) => ({ command: text === "commit" ? "ROLLBACK" : "" }));

  const outcomes = await units.group<unknown>([(tx) => saveSessionHead(tx, head), (tx) => findSession(tx, "two")]);

  expect(outcomes).toMatchObject([leaving, leaving]);
});

test.each([
  ["could not serialize access", "40001", "leaves"],
  ["a deferred constraint", "23505", "leaves"],
  ["bad record mac", "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "unavailable"],
  ["could not fsync file", "58030", "unavailable"],
  ["Connection terminated unexpectedly", undefined, "unavailable"],
  ["Received unexpected commandComplete message from backend.", undefined, "unavailable"],
] as const)("a commit that fails with '%s' (%s): %s", async (message, code, expected) => {
  const failure = Object.assign(new Error(message), code === undefined ? {} : { code });
  const { units } = connection((text) => (text === "commit" ? failure : fine(text)));

  const group = units.group<unknown>([(tx) => saveSessionHead(tx, head), (tx) => findSession(tx, "two")]);

  if (expected === "leaves") return expect(await group).toMatchObject([leaving, leaving]);
  // It may have happened: nobody may run these units again.
  await expect(group).rejects.toMatchObject({ code: "unavailable" });
  expect(units.isBroken).toBe(true);
});

test("a commit without one of its changes is never run again", async () => {
  const failure = new Error("A value could not be sent.");
  const { units } = connection((text) => (text.startsWith("update") ? failure : fine(text)));

  await expect(units.group([(tx) => saveSessionHead(tx, head)])).rejects.toMatchObject({ code: "unavailable" });
});

test("what a unit left under way when it ended reaches no transaction", async () => {
  const { sent, units } = connection(fine);
  const refused = new Error("This unit changes its mind.");
  const late = Promise.withResolvers<void>();
  let outcome: Promise<unknown> = Promise.resolve();

  const unit = units.transact(async (tx) => {
    outcome = late.promise.then(() => saveSessionHead(tx, head));
    throw refused;
  });
  await expect(unit).rejects.toBe(refused);
  late.resolve();

  await expect(outcome).rejects.toThrow("has ended");
  expect(ofCommands(sent)).toEqual(["begin", "rollback"]);
});

test("the groups of all servers insert new executions in one order", async () => {
  const { values, units } = connection(fine);
  const insert = (id: string) => (tx: Database) => insertExecution(tx, newExecution({ ...execution, id }));

  await units.group([insert("b"), insert("c"), insert("a")]);

  expect(values.map(([id]) => id)).toEqual(["a", "b", "c"]);
});

test("a unit leaves its group before it sends what may wait for another transaction", async () => {
  const { sent, units } = connection(fine);

  const outcomes = await units.group<unknown>([
    (tx) => tx.deleteFrom("nodes").execute(),
    (tx) => lockSession(tx, "held by another"),
    (tx) => saveSessionHead(tx, head),
  ]);

  expect(outcomes).toMatchObject([leaving, leaving, { status: "fulfilled" }]);
  expect(sent[1]).toContain("for update skip locked");
  expect(ofCommands(sent)).toEqual(["begin", "select", "update", "commit"]);
});

test("a unit of its own may wait for other transactions", async () => {
  const { sent, units } = connection(fine);

  await units.transact(async (tx) => {
    await lockSession(tx, "held by another");
    await tx.deleteFrom("nodes").execute();
  });

  expect(sent[1]).toMatch(/for update$/);
  expect(ofCommands(sent)).toEqual(["begin", "select", "delete", "commit"]);
});
