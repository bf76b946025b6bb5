import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Decimal, formatUnits, formatUsd, parseUnits, Usd, usdMicros } from "./money.ts";

const decimals = fc.integer({ min: 0, max: 18 });
const units = fc.bigInt({ min: 0n, max: 10n ** 60n });
/** Text that looks like money to somebody: digits, signs, separators, exponents, spaces, other digits. */
const moneyLike = fc.string({
  unit: fc.constantFrom(..."0123456789.,-+eExX_ \t\n\u0000٣１²½∞nN"),
  maxLength: 24,
});

describe("a decimal string", () => {
  test("that is written comes back as the same integer (20,000 of them)", () => {
    const comesBack = fc.property(units, decimals, (value, places) => {
      expect(parseUnits(formatUnits(value, places), Math.max(places, 2))).toBe(
        value * 10n ** BigInt(Math.max(places, 2) - places),
      );
    });

    fc.assert(comesBack, { numRuns: 20_000 });
  });

  test("has at least two places and no superfluous zeros after them (20,000 of them)", () => {
    const isNeat = fc.property(units, decimals, (value, places) => {
      expect(formatUnits(value, places)).toMatch(/^(0|[1-9]\d*)\.\d\d(\d*[1-9])?$/);
    });

    fc.assert(isNeat, { numRuns: 20_000 });
  });

  test("is read digit by digit, whatever its length: no float ever stands for it (20,000 of them)", () => {
    const whole = fc.bigInt({ min: 0n, max: 10n ** 70n });
    const fraction = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 18 });
    const isExact = fc.property(whole, fraction, (before, after) => {
      const expected = before * 10n ** 18n + BigInt(after) * 10n ** BigInt(18 - after.length);
      expect(parseUnits(`${before}.${after}`, 18)).toBe(expected);
    });

    fc.assert(isExact, { numRuns: 20_000 });
  });
});

describe("parseUnits", () => {
  test("takes 50,000 strings only where they are plain decimals of so many places", () => {
    const agrees = fc.property(fc.oneof(moneyLike, fc.string({ unit: "binary" })), decimals, (text, places) => {
      const parsed = parseUnits(text, places);
      if (parsed === undefined) return;
      expect(text).toMatch(/^(0|[1-9][0-9]*)(\.[0-9]+)?$/);
      expect((text.split(".")[1] ?? "").length).toBeLessThanOrEqual(places);
      expect(parsed).toBeGreaterThanOrEqual(0n);
    });

    fc.assert(agrees, { numRuns: 50_000 });
  });

  test.each([
    "",
    "0x10",
    " 12 ",
    "1e3",
    "-1",
    "+1",
    "01",
    "00",
    ".5",
    "1.",
    "1,5",
    "1_000",
    "٣",
    "１",
    "Infinity",
    "NaN",
    "1n",
    "1\n",
  ])("does not take %j", (text) => {
    expect(parseUnits(text, 6)).toBeUndefined();
    expect(Decimal.safeParse(text).success).toBe(false);
    expect(() => usdMicros(text)).toThrow(RangeError);
  });

  test("does not round what has too many places", () => {
    expect(parseUnits("0.0000001", 6)).toBeUndefined();
    expect(parseUnits("0.0000010", 6)).toBeUndefined();
    expect(parseUnits("0.000001", 6)).toBe(1n);
  });

  test("takes 78 digits before the point and no more", () => {
    expect(parseUnits("9".repeat(78), 0)).toBe(10n ** 78n - 1n);
    expect(parseUnits("9".repeat(79), 0)).toBeUndefined();
  });
});

describe("a USD amount", () => {
  test.each(["0", "0.000001", "1000000000", "999999999.999999"])("can be %s", (text) => {
    expect(Usd.safeParse(text).success).toBe(true);
    expect(usdMicros(formatUsd(usdMicros(text)))).toBe(usdMicros(text));
  });

  test.each(["0.0000001", "1000000000.000001", "10000000000", "-1", ""])("cannot be %j", (text) => {
    expect(Usd.safeParse(text).success).toBe(false);
  });

  test.each([5, 0.1, null, ["5"], { amount: "5" }])("cannot be %j, which is no text", (value) => {
    expect(Usd.safeParse(value).success).toBe(false);
  });

  test.each([
    ["0", "0.00"],
    ["1", "0.000001"],
    ["100000", "0.10"],
    ["2000000", "2.00"],
    ["1999999", "1.999999"],
    ["-1500000", "-1.50"],
  ])("of %s millionths is written %s", (micros, text) => {
    expect(formatUsd(BigInt(micros))).toBe(text);
  });
});
