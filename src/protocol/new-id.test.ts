import { expect, test } from "vitest";
import { Id } from "./ids.ts";
import { newId } from "./new-id.ts";

test("a new id is a UUID of version 7 in lower case", () => {
  const id = newId();

  expect(Id.parse(id)).toBe(id);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("a new id begins with the time", () => {
  const before = Date.now();

  const id = newId();

  const madeAt = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  expect(madeAt).toBeGreaterThanOrEqual(before);
  // Many ids of one millisecond run a little ahead of the clock.
  expect(madeAt).toBeLessThanOrEqual(Date.now() + 5);
});

test("ten thousand ids made at once differ and sort in the order in which they were made", () => {
  const ids = Array.from({ length: 10_000 }, newId);

  expect(new Set(ids).size).toBe(10_000);
  expect(ids.toSorted()).toEqual(ids);
});
