import { expect, test } from "vitest";
import { PaygentError } from "../protocol/errors.ts";
import { createRequestRates } from "./request-rates.ts";

function rates(perUser = 5, perAddress = 5) {
  const clock = { ms: 1_000_000, now: () => clock.ms };
  return { clock, ...createRequestRates({ perUser, perAddress }, clock) };
}

/** How many of `count` are let through. */
function passed(count: number, spend: () => void): number {
  let through = 0;
  for (let index = 0; index < count; index++) {
    try {
      spend();
      through += 1;
    } catch (error) {
      if (!(error instanceof PaygentError) || error.code !== "rate_limited") throw error;
    }
  }
  return through;
}

test("two seconds' worth may come at once, and then what time brings", () => {
  const { clock, spendOfUser } = rates();

  expect(passed(20, () => spendOfUser("alice"))).toBe(10);
  clock.ms += 1000;
  expect(passed(20, () => spendOfUser("alice"))).toBe(5);
  clock.ms += 60_000;
  expect(passed(20, () => spendOfUser("alice"))).toBe(10);
});

test("one too many is told how long to wait", () => {
  const { spendOfUser } = rates(0.1);

  expect(() => spendOfUser("alice")).toThrow(
    expect.objectContaining({ code: "rate_limited", details: { retry_after_s: 8 } }),
  );
});

test("users and addresses are counted apart", () => {
  const { spendOfUser, spendOfAddress } = rates();
  passed(20, () => spendOfUser("alice"));

  expect(passed(20, () => spendOfUser("bob"))).toBe(10);
  expect(passed(20, () => spendOfAddress("192.0.2.1"))).toBe(10);
  expect(passed(20, () => spendOfAddress("192.0.2.2"))).toBe(10);
});

test("the addresses of one IPv6 network are one, and a mapped address is the one that it maps", () => {
  const { spendOfAddress } = rates();
  let host = 0;

  expect(passed(20, () => spendOfAddress(`2001:db8:0:1::${(++host).toString(16)}`))).toBe(10);
  expect(passed(20, () => spendOfAddress("2001:db8:0:2::1"))).toBe(10);
  expect(passed(6, () => spendOfAddress("192.0.2.1"))).toBe(6);
  expect(passed(6, () => spendOfAddress("::ffff:192.0.2.1"))).toBe(4);
});

test("a limit of 0 is none", () => {
  const { spendOfUser } = rates(0);

  expect(passed(10_000, () => spendOfUser("alice"))).toBe(10_000);
});

test("a clock that is set back locks nobody out", () => {
  const { clock, spendOfUser } = rates();
  passed(20, () => spendOfUser("alice"));
  clock.ms -= 3_600_000;
  passed(1, () => spendOfUser("alice"));

  clock.ms += 3_600_000 + 2000;

  expect(passed(20, () => spendOfUser("alice"))).toBe(10);
});
