import { expect, test } from "vitest";
import { Pauses } from "./pauses.ts";

function pauses() {
  let now = 1_000_000;
  const pauses = new Pauses({ now: () => now }, 1000);
  /** Interrupts an execution, and gives after how many seconds it may go on. */
  const secondsAfter = (lastSeq: number) => {
    pauses.begin("one", lastSeq);
    for (let seconds = 0; ; seconds++, now += 1000) if (pauses.isOver("one")) return seconds;
  };
  return { pauses, secondsAfter };
}

test("an execution that gets no further rests longer each time, up to a quarter of a minute", () => {
  const { secondsAfter } = pauses();

  expect([7, 7, 7, 7, 7, 7].map(secondsAfter)).toEqual([1, 2, 4, 8, 15, 15]);
});

test("one that got further begins anew", () => {
  const { secondsAfter } = pauses();

  expect([7, 7, 7, 8, 8].map(secondsAfter)).toEqual([1, 2, 4, 1, 2]);
});

test("a pause ends when something has changed, and is forgotten with its execution", () => {
  const { pauses: some } = pauses();
  some.begin("one", 1);
  some.begin("two", 1);

  expect(some.end("one")).toBe(true);
  some.keepOnly(new Set(["three"]));

  expect([some.isOver("one"), some.isOver("two"), some.end("two")]).toEqual([true, true, false]);
});
