import { expect, test } from "vitest";
import { Trips } from "./trips.ts";

/** Trips that end when a test says so. */
function trips(load: (waiting: string[]) => string[] = (waiting) => waiting.splice(0)) {
  const left: { items: readonly string[]; arrive(): void }[] = [];
  const travel = (items: readonly string[]) =>
    new Promise<void>((resolve) => {
      left.push({ items, arrive: resolve });
    });
  return { left, trips: new Trips({ load, travel }) };
}

test("what comes in one turn travels together, and what comes meanwhile with the next trip", async () => {
  const { left, trips: line } = trips();

  line.add("a");
  line.add("b");
  await expect.poll(() => left.length).toBe(1);
  line.add("c");
  line.add("d");
  left[0]?.arrive();

  await expect
    .poll(() => left.map(({ items }) => items))
    .toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
});

test("a trip that takes long holds nothing up", async () => {
  const { left, trips: line } = trips();

  line.add("a");
  await expect.poll(() => left.length).toBe(1);
  line.add("b");

  // Nothing else happens that could let it leave, and the first trip never ends.
  await expect.poll(() => left.map(({ items }) => items)).toEqual([["a"], ["b"]]);
});

test("there are four trips at most", async () => {
  const { left, trips: line } = trips();
  for (const [at, item] of ["a", "b", "c", "d"].entries()) {
    line.add(item);
    await expect.poll(() => left.length).toBe(at + 1);
  }

  line.add("e");
  line.add("f");
  left[2]?.arrive();

  await expect.poll(() => left[4]?.items).toEqual(["e", "f"]);
});

test("what had to stay behind leaves when told", async () => {
  let mayLeave = false;
  const { left, trips: line } = trips((waiting) => (mayLeave ? waiting.splice(0) : []));
  line.add("a");
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(left).toEqual([]);

  mayLeave = true;
  line.leave();

  await expect.poll(() => left.map(({ items }) => items)).toEqual([["a"]]);
});
