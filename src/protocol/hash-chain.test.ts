import { expect, test } from "vitest";
import { eventHash, eventText, genesisHash, sha256 } from "../store/event-log.ts";
import { type ChainEntry, type Checkpoint, checkChain } from "./hash-chain.ts";

const sessionId = "f3b3f4a8-6f4a-4f43-9f3b-0d2f6a6f2f11";
const length = 1000;
const log = chainOf(Array.from({ length }, (_, index) => `{"session_id":"${sessionId}","step":${index}}`));
const head = checkpointAt(length);

function chainOf(datas: readonly string[], behind: Checkpoint = { seq: 0, hash: genesisHash(sessionId) }) {
  let { hash } = behind;
  return datas.map((data, index): ChainEntry => {
    const seq = behind.seq + index + 1;
    const text = eventText({ type: "thinking", data, at: "2026-01-02T03:04:05.678Z", seq, ref: null });
    hash = eventHash(hash, text);
    return { seq, text, hash };
  });
}

function entryAt(seq: number): ChainEntry {
  const entry = log[seq - 1];
  if (entry === undefined) throw new Error(`The log has no event ${seq}.`);
  return entry;
}

function checkpointAt(seq: number): Checkpoint {
  return { seq, hash: entryAt(seq).hash };
}

async function* stream(entries: readonly ChainEntry[]): AsyncGenerator<ChainEntry> {
  yield* entries;
}

const check = (entries: readonly ChainEntry[], ends: { head?: Checkpoint; checkpoint?: Checkpoint } = { head }) =>
  checkChain(stream(entries), { sessionId, sha256, ...ends });

const everySeq = Array.from({ length }, (_, index) => index + 1);

/** Every way to lay hands on one record of the log, at each of its places. */
const mutations: readonly [string, RegExp, (seq: number) => ChainEntry[]][] = [
  [
    "an edited text",
    /altered/,
    (seq) => log.with(seq - 1, { ...entryAt(seq), text: entryAt(seq).text.replace("step", "stop") }),
  ],
  ["an edited hash", /altered/, (seq) => log.with(seq - 1, { ...entryAt(seq), hash: "0".repeat(64) })],
  [
    "an edit with a hash that fits it",
    /altered|another than/,
    (seq) => {
      const text = entryAt(seq).text.replace("step", "stop");
      const previous = seq === 1 ? genesisHash(sessionId) : entryAt(seq - 1).hash;
      return log.with(seq - 1, { seq, text, hash: eventHash(previous, text) });
    },
  ],
  ["a removed record", /removed|truncated/, (seq) => log.toSpliced(seq - 1, 1)],
  ["a record that stands twice", /inserted/, (seq) => log.toSpliced(seq, 0, entryAt(seq))],
  [
    "an inserted record",
    /inserted|altered/,
    (seq) =>
      log.toSpliced(seq - 1, 0, { seq, text: entryAt(seq).text.replace("step", "new"), hash: entryAt(seq).hash }),
  ],
];

test.each(mutations)("%s is found wherever it is in a log of a thousand events", async (_name, problem, mutate) => {
  const found = [];

  for (const seq of everySeq) found.push(await check(mutate(seq)));

  expect(found.filter(({ isIntact }) => isIntact)).toEqual([]);
  for (const { problem: sentence } of found) expect(sentence).toMatch(problem);
});

test("the first event that is wrong is named", async () => {
  const swapped = log.with(9, entryAt(31)).with(30, entryAt(10));

  expect(await check(log.toSpliced(9, 1))).toMatchObject({ brokenAt: 10, problem: "Event 10 was removed." });
  expect(await check(log.toSpliced(9, 3))).toMatchObject({ brokenAt: 10, problem: "Events 10 to 12 were removed." });
  expect(await check(swapped)).toMatchObject({ brokenAt: 10, events: 9, headHash: entryAt(9).hash });
  expect((await check(swapped)).problem).toBe("Event 10 stands behind event 31: they were reordered.");
});

test("any two events that changed places are found", async () => {
  const found = [];

  for (const seq of everySeq.slice(1))
    found.push(await check(log.with(seq - 2, entryAt(seq)).with(seq - 1, entryAt(seq - 1))));

  expect(found.every(({ problem }) => problem?.includes("reordered"))).toBe(true);
});

test("a cut log is found by the session's head, and by a checkpoint", async () => {
  const found = [];

  for (const seq of everySeq) {
    const cut = log.slice(0, seq - 1);
    found.push(await check(cut), await check(cut, { checkpoint: checkpointAt(seq) }));
  }

  expect(found.filter(({ problem }) => !problem?.includes("truncated"))).toEqual([]);
});

test("a log that does not reach where it is known to is cut, and one that has grown since is not", async () => {
  const ends = { sessionId, sha256, lastSeq: 900 };

  expect(await checkChain(stream(log), ends)).toMatchObject({ isIntact: true, events: length });
  expect(await checkChain(stream(log.slice(0, 899)), ends)).toMatchObject({ isIntact: false, brokenAt: 900 });
});

test("a log that was rewritten with new hashes is found by the head, and by a checkpoint behind the change", async () => {
  const rewritten = [...log.slice(0, 499), ...chainOf(Array(501).fill("{}"), checkpointAt(499))];

  expect(await check(rewritten, {})).toMatchObject({ isIntact: true });
  expect(await check(rewritten)).toMatchObject({ isIntact: false, problem: expect.stringContaining("rewritten") });
  expect(await check(rewritten, { checkpoint: checkpointAt(600) })).toMatchObject({ brokenAt: 600 });
});

test("a log is no other session's", async () => {
  const found = await checkChain(stream(log), { sessionId: "another", sha256 });

  expect(found).toMatchObject({ isIntact: false, brokenAt: 1 });
});

test("an untouched log is intact, also when it has grown since the checkpoint, and when it is empty", async () => {
  expect(await check(log, { head, checkpoint: checkpointAt(400) })).toEqual({
    sessionId,
    isIntact: true,
    events: length,
    lastSeq: length,
    headHash: head.hash,
  });
  expect(await check([], { head: { seq: 0, hash: genesisHash(sessionId) } })).toMatchObject({
    isIntact: true,
    events: 0,
  });
});

test("a log whose beginning is not kept is checked from its first event on", async () => {
  const kept = log.slice(100);
  const ends = { sessionId, sha256, firstSeq: 101, head };

  expect(await checkChain(stream(kept), ends)).toMatchObject({ isIntact: true, events: 900 });
  expect(await checkChain(stream(kept.slice(1)), ends)).toMatchObject({ isIntact: false, brokenAt: 101 });
});

test("where the hash before the first event that is kept is known, that event is checked too", async () => {
  const kept = log.slice(100).with(0, { ...entryAt(101), text: entryAt(101).text.replace("step", "stop") });
  const ends = { sessionId, sha256, firstSeq: 101, head };

  expect(await checkChain(stream(kept), { ...ends, previousHash: entryAt(100).hash })).toMatchObject({ brokenAt: 101 });
  expect(await checkChain(stream(log.slice(100)), { ...ends, previousHash: entryAt(100).hash })).toMatchObject({
    isIntact: true,
    events: 900,
    lastSeq: length,
  });
});
