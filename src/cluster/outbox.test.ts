import { expect, test } from "vitest";
import { type HintMessage, readHintMessage } from "./hint-message.ts";
import { Outbox } from "./outbox.ts";

const maxBytes = 7900;
const from = "5ad4c1f2-3f6a-4a2e-9a53-0c8f1d2b7e60";

/** A session's id, as long as real ones are. */
const session = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;

/** Empties an outbox into the texts that would be sent. */
function takeAll(outbox: Outbox): HintMessage[] {
  const messages: HintMessage[] = [];
  while (!outbox.isEmpty) {
    const text = outbox.take(from, maxBytes);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes);
    const message = readHintMessage(text);
    if (message === undefined) throw new Error("No node could read this text.");
    messages.push(message);
  }
  return messages;
}

test("heads of one session are sent as one", () => {
  const outbox = new Outbox();
  outbox.addHead(session(1), { first: 4, last: 5 });
  outbox.addHead(session(2), { first: 1, last: 1 });
  outbox.addHead(session(1), { first: 6, last: 9 });

  const [message, ...more] = takeAll(outbox);

  expect(message?.heads).toEqual({ [session(1)]: { first: 4, last: 9 }, [session(2)]: { first: 1, last: 1 } });
  expect(more).toEqual([]);
});

test("heads go before signals, and signals before live text, whatever came first", () => {
  const outbox = new Outbox();
  for (let index = 0; index < 20; index++) outbox.addDelta(session(index), "x".repeat(500));
  for (let index = 0; index < 100; index++) outbox.addSignal({ kind: "cancel", executionId: session(index) });
  for (let index = 0; index < 100; index++) outbox.addHead(session(index), { first: 1, last: index + 1 });

  const messages = takeAll(outbox);

  const kinds = messages.flatMap(({ heads, signals, deltas }) => [
    ...Object.keys(heads).map(() => "head"),
    ...signals.map(() => "signal"),
    ...deltas.map(() => "delta"),
  ]);
  expect(kinds).toEqual([
    ...Array.from({ length: 100 }, () => "head"),
    ...Array.from({ length: 100 }, () => "signal"),
    ...Array.from({ length: 20 }, () => "delta"),
  ]);
});

test("live text says behind which event it comes", () => {
  const outbox = new Outbox();
  outbox.addHead(session(1), { first: 1, last: 3 });
  outbox.addDelta(session(1), "one");
  outbox.addHead(session(1), { first: 4, last: 4 });
  outbox.addDelta(session(1), "two");

  const [message] = takeAll(outbox);

  expect(message?.deltas).toEqual([
    [session(1), 3, "one"],
    [session(1), 4, "two"],
  ]);
});

test("live text that nobody takes is dropped beyond 256 KiB, and nothing durable with it", () => {
  const outbox = new Outbox();
  for (let index = 0; index < 1000; index++) {
    outbox.addDelta(session(0), "x".repeat(1024));
    outbox.addHead(session(index), { first: 1, last: 1 });
    outbox.addSignal({ kind: "poke", executionId: session(index) });
  }

  const messages = takeAll(outbox);

  expect(messages.flatMap(({ deltas }) => deltas)).toHaveLength(256);
  expect(new Set(messages.flatMap(({ heads }) => Object.keys(heads))).size).toBe(1000);
  expect(messages.flatMap(({ signals }) => signals)).toHaveLength(1000);
});

test("there is room for live text again when some was taken", () => {
  const outbox = new Outbox();
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 256; index++) outbox.addDelta(session(0), "x".repeat(1024));

    expect(takeAll(outbox).flatMap(({ deltas }) => deltas)).toHaveLength(256);
  }
});

test("live text that fits into no text is dropped, and what comes behind it is not", () => {
  const outbox = new Outbox();
  outbox.addDelta(session(0), "before");
  // What counts is the length as it is sent: each of these is six bytes there.
  outbox.addDelta(session(0), "\u0001".repeat(2000));
  outbox.addDelta(session(0), "x".repeat(maxBytes));
  outbox.addDelta(session(0), "behind");

  const frames = takeAll(outbox).flatMap(({ deltas }) => deltas.map(([, , frame]) => frame));

  expect(frames).toEqual(["before", "behind"]);
});

test("of very many signals the newest are kept", () => {
  const outbox = new Outbox();
  for (let index = 0; index < 10_100; index++) outbox.addSignal({ kind: "cancel", executionId: session(index) });

  const signals = takeAll(outbox).flatMap((message) => message.signals);

  expect(signals).toHaveLength(10_000);
  expect(signals.at(-1)).toEqual({ kind: "cancel", executionId: session(10_099) });
});
