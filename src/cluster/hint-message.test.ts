import { expect, test } from "vitest";
import { readHintMessage } from "./hint-message.ts";

const whole = {
  from: "one",
  heads: { session: { first: 1, last: 3 } },
  deltas: [["session", 3, "{}"]],
  signals: [{ kind: "work" }, { kind: "cancel", executionId: "execution" }],
};

test("a node's text is read as it was written", () => {
  expect(readHintMessage(JSON.stringify(whole))).toEqual(whole);
});

test("what a newer version adds is passed over", () => {
  const newer = { ...whole, more: true, signals: [{ kind: "unheard of" }, { kind: "work", why: "full" }] };

  expect(readHintMessage(JSON.stringify(newer))).toEqual({ ...whole, signals: [{ kind: "work" }] });
});

test.each([
  "",
  "garbage",
  "null",
  "[]",
  "{}",
  JSON.stringify({ ...whole, from: 1 }),
  JSON.stringify({ ...whole, heads: { session: { first: -1, last: 3 } } }),
  JSON.stringify({ ...whole, deltas: [["session", "3", "{}"]] }),
  JSON.stringify({ ...whole, deltas: undefined }),
])("%s is no text of a node", (text) => {
  expect(readHintMessage(text)).toBeUndefined();
});
