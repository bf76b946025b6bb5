import { expect, test } from "vitest";
import { argsLine, plainText, plainValue } from "./plain-text.ts";

test("characters that hide or reorder text are spelled out", () => {
  expect(plainText("pay \u202eecila\u202c now\u200b")).toBe("pay ⟨U+202E⟩ecila⟨U+202C⟩ now⟨U+200B⟩");
  expect(plainText("\u0007bell\nnext\tcolumn")).toBe("⟨U+0007⟩bell\nnext\tcolumn");
});

test("values are shown as JSON and texts as they are", () => {
  expect(plainValue({ a: "\u2066" })).toBe('{\n  "a": "⟨U+2066⟩"\n}');
  expect(plainValue("as it is")).toBe("as it is");
  expect(argsLine({ service: "news", count: 2 })).toBe("service=news count=2");
});
