import type pg from "pg";
import { expect, test } from "vitest";
import { PostgresUnits } from "./postgres-unit.ts";
import { findSession, lockSession, saveSessionHead } from "./sessions.ts";
import { LeavesGroup } from "./statement.ts";

const head = { id: "one", lastSeq: 1, headHash: "", spentMicros: 0n, reservedMicros: 0n };

/** A connection that says to each statement what a test wants, and remembers what it was sent. */
function connection(answerTo: (text: string) => { command?: string } | Error) {
  const sent: string[] = [];
  const query = async (given: string | { text: string }) => {
    const text = typeof given === "string" ? given : given.text;
    sent.push(text);
    // An answer comes later than what is sent in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    const answer = answerTo(text);
    if (answer instanceof Error) throw answer;
    return { rows: [], ...answer };
  };
  // Of a client, units use `query` alone.
  return { sent, units: new PostgresUnits({ query } as unknown as pg.PoolClient) };
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

const ofCommands = (sent: readonly string[]) => sent.map((text) => text.split(/[ ;]/, 1)[0]);
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

test("a unit that fails with changes that were sent undoes the group, whose other units leave it", async () => {
  const { sent, units } = connection(fine);
  const failure = new Error("This unit changes its mind.");

  const outcomes = await units.group<unknown>([
    async (tx) => saveSessionHead(tx, { ...head, id: "one" }),
    async (tx) => {
      await saveSessionHead(tx, { ...head, id: "two" });
      await findSession(tx, "two");
      throw failure;
    },
  ]);

  expect(outcomes).toMatchObject([
    { status: "rejected", reason: expect.any(LeavesGroup) },
    { status: "rejected", reason: failure },
  ]);
  expect(sent.at(-1)).toBe("rollback");
});

test("a group whose change fails is undone, and rejects", async () => {
  const failure = new Error("duplicate key");
  const { units } = connection((text) => (text.startsWith("update") ? failure : { command: "ROLLBACK" }));

  const group = units.group<unknown>([(tx) => saveSessionHead(tx, head), (tx) => findSession(tx, "two")]);

  await expect(group).rejects.toBe(failure);
});

test("a unit leaves its group before it sends what may wait for another transaction", async () => {
  const { sent, units } = connection(fine);

  const outcomes = await units.group<unknown>([
    (tx) => tx.deleteFrom("nodes").execute(),
    (tx) => lockSession(tx, "held by another"),
    (tx) => saveSessionHead(tx, head),
  ]);

  expect(outcomes).toMatchObject([
    { status: "rejected", reason: expect.any(LeavesGroup) },
    { status: "rejected", reason: expect.any(LeavesGroup) },
    { status: "fulfilled" },
  ]);
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
