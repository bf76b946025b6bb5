import { expect, test } from "vitest";
import { readyCheck } from "./ready-check.ts";

/** A check that is attempted as `attempt` says, and what it logged. */
function watched(attempt: () => Promise<unknown>) {
  const logged: object[] = [];
  const ignore = () => undefined;
  const log = { info: ignore, error: ignore, warn: (fields: object) => void logged.push(fields) };
  return { check: readyCheck("chain", log, { timeoutMs: 20, attempt }), logged };
}

test("why a check fails is logged when it begins to fail, and again only after it has worked", async () => {
  let outage: Error | undefined = new Error("first");
  const { check, logged } = watched(async () => {
    if (outage !== undefined) throw outage;
  });

  const answers = [await check(), await check()];
  outage = undefined;
  answers.push(await check());
  outage = new Error("second");
  answers.push(await check());

  expect(answers).toEqual(["failed", "failed", "ok", "failed"]);
  expect(logged).toMatchObject([
    { check: "chain", err: { message: "first" } },
    { check: "chain", err: { message: "second" } },
  ]);
});

test("a check that takes too long has failed, and says so", async () => {
  const { check, logged } = watched(() => new Promise<never>(() => undefined));

  expect(await check()).toBe("failed");
  expect(logged).toMatchObject([{ err: { message: "There was no answer within 20 ms." } }]);
});
