import { expect, test } from "vitest";
import { RunPlaces } from "./run-places.ts";

test("places are promised until their commands are over", () => {
  const places = new RunPlaces(2, () => 1);

  {
    using one = places.forCommand();
    using other = places.forCommand();
    expect([one.take(), one.take(), other.take()]).toEqual([true, true, false]);
    expect(places.free).toBe(0);
  }

  expect(places.free).toBe(1);
});

test("a newcomer does not overtake what waits for a place", () => {
  let runs = 1;
  const places = new RunPlaces(1, () => runs);
  using waiting = places.forCommand({ isNewcomer: true });
  expect(waiting.take()).toBe(false);
  runs = 0;

  using newcomer = places.forCommand({ isNewcomer: true });
  expect(newcomer.take()).toBe(false);
  using next = places.forCommand();
  expect(next.take()).toBe(true);
});
