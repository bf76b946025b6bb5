import * as z from "zod";

/** USD amounts inside Paygent are integers of a millionth of a dollar. */
export const USD_DECIMALS = 6;

const decimalPattern = /^(0|[1-9]\d{0,77})(\.\d{1,18})?$/;

/** A non-negative amount as a decimal string: `"0.10"`, never a JSON number. */
export const Decimal = z.string().max(97).regex(decimalPattern, 'must be a decimal string such as "0.10"');

/** A USD amount: a decimal string with at most six places, at most a billion. */
export const Usd = Decimal.refine((text) => {
  const units = parseUnits(text, USD_DECIMALS);
  return units !== undefined && units <= 1_000_000_000_000_000n;
}, "must be a USD amount of at most six decimal places and at most 1000000000");

/**
 * The integer of smallest units that a decimal string stands for; `undefined` when the text is not a
 * decimal of at most `decimals` places (so `""`, `"0x10"`, `" 12 "`, `"1e3"` and `"-1"` never pass).
 */
export function parseUnits(text: string, decimals: number): bigint | undefined {
  if (!decimalPattern.test(text)) return undefined;
  const [whole = "0", fraction = ""] = text.split(".");
  if (fraction.length > decimals) return undefined;
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

/** The decimal string of an integer of smallest units, with at least two places: `100000n` → `"0.10"`. */
export function formatUnits(units: bigint, decimals: number): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return `${sign}${whole}.${fraction.padEnd(2, "0")}`;
}

/** USD millionths of a decimal string that has already been validated by `Usd`. */
export function usdMicros(text: string): bigint {
  const micros = parseUnits(text, USD_DECIMALS);
  if (micros === undefined) throw new RangeError(`"${text}" is not a USD amount.`);
  return micros;
}

/** The decimal string of USD millionths. */
export function formatUsd(micros: bigint): string {
  return formatUnits(micros, USD_DECIMALS);
}
