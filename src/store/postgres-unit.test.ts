import type pg from "pg";
import { expect, test } from "vitest";
import { PostgresUnits } from "./postgres-unit.ts";
import { findSession, saveSessionHead } from "./sessions.ts";

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
