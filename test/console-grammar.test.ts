import { expect, test } from "vitest";
import { grammarText } from "../src/agent/grammar.ts";
import { modelHint, ruleForms } from "../src/console/session/model-hint.ts";

test("the console shows the grammar that the rule set reads", () => {
  const grammar = grammarText
    .trim()
    .split("\n")
    .map((line) => line.trim().replace("<currency>", "USDC"));

  expect(ruleForms).toEqual(grammar);
  for (const form of grammar) expect(modelHint("rules")).toContain(form);
});

test("the console names a language model", () => {
  expect(modelHint("anthropic/claude-x")).toContain("Read by anthropic/claude-x.");
});
