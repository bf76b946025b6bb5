import { expect, test } from "vitest";
import { CreateSession, PatchSession, SessionConfigPatch } from "./request-bodies.ts";
import { SessionConfig } from "./session-config.ts";

test("a patch brings no defaults of its own", () => {
  expect(PatchSession.parse({ config: { max_steps: 3 } })).toEqual({ config: { max_steps: 3 } });
});

test("a patch knows exactly the settings that a session has", () => {
  expect(Object.keys(SessionConfigPatch.shape)).toEqual(Object.keys(SessionConfig.shape));
});

test("a session that is created without settings has the defaults", () => {
  expect(CreateSession.parse({}).config).toEqual(SessionConfig.parse({}));
});

test("a misspelt setting is refused", () => {
  expect(CreateSession.safeParse({ config: { buget_usd: "5" } }).success).toBe(false);
  expect(PatchSession.safeParse({ config: { buget_usd: "5" } }).success).toBe(false);
});
