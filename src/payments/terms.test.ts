import { expect, test } from "vitest";
import { type Accepted, parseTerms } from "./terms.ts";

const token = {
  address: "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
  symbol: "USDC",
  decimals: 6,
  name: "USD Coin",
  version: "2",
} as const;
const payee = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
const payer = "0x4CA02D472dA4987095724D15A1a59E4B3C60F220".toLowerCase() as `0x${string}`;
const accepted: Accepted = { network: "eip155:31337", token, payer };
const option = {
  scheme: "exact",
  network: "eip155:31337",
  amount: "100000",
  asset: token.address,
  payTo: payee,
  maxTimeoutSeconds: 60,
  extra: { name: "USD Coin", version: "2" },
};
const resource = { url: "http://127.0.0.1/x", description: "A fact", mimeType: "application/json" };

function header(offer: unknown): string {
  return Buffer.from(typeof offer === "string" ? offer : JSON.stringify(offer)).toString("base64");
}

function offering(...accepts: readonly unknown[]): string {
  return header({ x402Version: 2, resource, accepts });
}

function parse(text: string) {
  return parseTerms("http://127.0.0.1/x", text, accepted);
}

test("plain terms are taken as they stand", () => {
  expect(parse(offering(option))).toMatchObject({
    amount: "100000",
    usdMicros: "100000",
    payTo: payee,
    asset: token.address,
    currency: "USDC",
    maxTimeoutSeconds: 60,
    description: "A fact",
  });
});

test("the accepted option is frozen exactly as the service wrote it", () => {
  const frozen = JSON.parse(parse(offering({ ...option, unknownField: [1] })).requirements);

  expect(frozen.accepted).toEqual({ ...option, unknownField: [1] });
});

test("options that this wallet does not pay with are passed over", () => {
  const permit2 = { ...option, amount: "7", extra: { ...option.extra, assetTransferMethod: "permit2" } };
  const elsewhere = { ...option, amount: "8", network: "eip155:1" };

  expect(parse(offering(permit2, elsewhere, option)).amount).toBe("100000");
});

test("the same option twice is one option", () => {
  expect(parse(offering(option, option)).amount).toBe("100000");
});

test("a lower-case payee is given its checksum", () => {
  expect(parse(offering({ ...option, payTo: payee.toLowerCase() })).payTo).toBe(payee);
});

function describedAs(description: string): string {
  return header({ x402Version: 2, resource: { ...resource, description }, accepts: [option] });
}

test("a description keeps neither control nor direction characters", () => {
  expect(parse(describedAs("a\u202Eb\u0007\n\u200Bc")).description).toBe("a b c");
});

test("a description that is too long is never cut in the middle of a character", () => {
  const start = "x".repeat(499);

  expect(parse(describedAs(`${start}🙂`)).description).toBe(`${start}🙂`);
  expect(parse(describedAs(`${start}🙂🙂`)).description).toBe(`${start}…`);
});

const amounts = ["-1", "0", "00", "01", "1e3", "0x10", " 1", "1 ", "", "1.0", "+1", "١", (2n ** 256n).toString()];
test.each(amounts)("the amount %j is refused", (amount) => {
  expect(() => parse(offering({ ...option, amount }))).toThrow(
    expect.objectContaining({ code: "payment_terms_invalid" }),
  );
});

const refused: [string, string][] = [
  ["an amount as a JSON number", offering({ ...option, amount: 100000 })],
  ["a cheap option before a dear one", offering(option, { ...option, amount: "95000000" })],
  ["two payees", offering(option, { ...option, payTo: token.address.toLowerCase() })],
  ["another asset", offering({ ...option, asset: payee })],
  ["another network", offering({ ...option, network: "eip155:1" })],
  ["another scheme", offering({ ...option, scheme: "upto" })],
  ["another token name", offering({ ...option, extra: { name: "USD  Coin", version: "2" } })],
  ["no token name", offering({ ...option, extra: {} })],
  ["Permit2 only", offering({ ...option, extra: { ...option.extra, assetTransferMethod: "permit2" } })],
  ["an escrow flow", offering({ ...option, extra: { ...option.extra, paymentFlow: "escrow" } })],
  ["a window of minus one second", offering({ ...option, maxTimeoutSeconds: -1 })],
  ["a window of 30 years", offering({ ...option, maxTimeoutSeconds: 1_000_000_000 })],
  ["a window of half a second", offering({ ...option, maxTimeoutSeconds: 0.5 })],
  ["a payee with a wrong checksum", offering({ ...option, payTo: payee.replace("F79b", "f79b") })],
  ["a payee that is no address", offering({ ...option, payTo: "market-data" })],
  ["the zero address as payee", offering({ ...option, payTo: `0x${"0".repeat(40)}` })],
  ["the token as payee", offering({ ...option, payTo: token.address })],
  ["no options", offering()],
  ["x402 version 1", header({ x402Version: 1, resource, accepts: [option] })],
  ["a header that is no base64", "{}"],
  ["a header that is no JSON", header("hello")],
  ["an empty header", ""],
  ["a header over 16 KiB", offering({ ...option, padding: "x".repeat(20_000) })],
  ["deep nesting", header(`{"x402Version":2,"extensions":${"[".repeat(500)}${"]".repeat(500)}}`)],
  [
    "a price stated twice",
    header(
      JSON.stringify({ x402Version: 2, resource, accepts: [option] }).replace('"amount"', '"amount":"1","amount"'),
    ),
  ],
];
test.each(refused)("%s is refused", (_what, text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: "payment_terms_invalid" }));
});
