import { describe, expect, test } from "vitest";
import { PaygentError } from "../protocol/errors.ts";
import { LocalRate } from "./local-rate.ts";
import { createRates } from "./rates.ts";

function rates(perUser = 5, perAddress = 5, messagesPerUser = 5) {
  const clock = { ms: 1_000_000, now: () => clock.ms };
  const limits = { requestsPerUser: perUser, requestsPerAddress: perAddress, messagesPerUser };
  return { clock, ...createRates(limits, (_name, perSecond) => new LocalRate(perSecond, clock)) };
}

/** How many of `count` are let through. */
async function passed(count: number, spend: () => Promise<void>): Promise<number> {
  let through = 0;
  for (let index = 0; index < count; index++) {
    try {
      await spend();
      through += 1;
    } catch (error) {
      if (!(error instanceof PaygentError) || error.code !== "rate_limited") throw error;
    }
  }
  return through;
}

describe("a rate", () => {
  test("lets two seconds' worth come at once, and then what time brings", async () => {
    const { clock, spendOfUser } = rates();

    expect(await passed(20, () => spendOfUser("alice"))).toBe(10);
    clock.ms += 1000;
    expect(await passed(20, () => spendOfUser("alice"))).toBe(5);
    clock.ms += 60_000;
    expect(await passed(20, () => spendOfUser("alice"))).toBe(10);
  });

  test("tells one too many how long to wait", async () => {
    const { spendOfUser } = rates(0.1);

    await expect(spendOfUser("alice")).rejects.toMatchObject({
      code: "rate_limited",
      details: { retry_after_s: 8 },
    });
  });

  test("of 0 is none", async () => {
    const { spendOfUser } = rates(0);

    expect(await passed(10_000, () => spendOfUser("alice"))).toBe(10_000);
  });

  test("locks nobody out when the clock is set back", async () => {
    const { clock, spendOfUser } = rates();
    await passed(20, () => spendOfUser("alice"));
    clock.ms -= 3_600_000;
    await passed(1, () => spendOfUser("alice"));

    clock.ms += 3_600_000 + 2000;

    expect(await passed(20, () => spendOfUser("alice"))).toBe(10);
  });
});

test("users, addresses and messages are counted apart", async () => {
  const { spendOfUser, spendOfAddress, spendMessage } = rates();
  await passed(20, () => spendOfUser("alice"));

  expect(await passed(20, () => spendOfUser("bob"))).toBe(10);
  expect(await passed(20, () => spendMessage("alice"))).toBe(10);
  expect(await passed(20, () => spendOfAddress("192.0.2.1"))).toBe(10);
  expect(await passed(20, () => spendOfAddress("192.0.2.2"))).toBe(10);
});

test("the addresses of one IPv6 network are one, and a mapped address is the one that it maps", async () => {
  const { spendOfAddress } = rates();
  let host = 0;

  expect(await passed(20, () => spendOfAddress(`2001:db8:0:1::${(++host).toString(16)}`))).toBe(10);
  expect(await passed(20, () => spendOfAddress("2001:db8:0:2::1"))).toBe(10);
  expect(await passed(6, () => spendOfAddress("192.0.2.1"))).toBe(6);
  expect(await passed(6, () => spendOfAddress("::ffff:192.0.2.1"))).toBe(4);
});
