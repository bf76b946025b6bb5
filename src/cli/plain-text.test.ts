import { expect, test } from "vitest";
import { jsonLine, plainPiece, plainText, shorten } from "./plain-text.ts";

test("escape sequences leave nothing behind", () => {
  expect(plainText("a\u001b[31mred\u001b[0m\u001b]8;;https://example.org\u0007link\u001b]8;;\u0007")).toBe("aredlink");
});

test("a sequence that is cut in two by a stream moves nothing", () => {
  expect(["text\u001b", "[2Jmore\u202e", "\nline"].map(plainPiece)).toEqual(["text", "[2Jmore", "\nline"]);
});

test("a JSON line is the same value for a program and harmless for a terminal", () => {
  const value = { text: "\u001b[2J\u009b\u202e\u{e0041}\u2028" };

  const line = jsonLine(value);

  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(JSON.parse(line)).toEqual(value);
});

test("shortening counts characters, not code units", () => {
  expect(shorten("😀😀😀", 3)).toBe("😀😀😀");
  expect(shorten("😀😀😀", 2)).toBe("😀…");
});
