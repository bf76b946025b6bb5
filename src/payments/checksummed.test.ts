import { expect, test } from "vitest";
import { checksummed } from "./checksummed.ts";

const address = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

test("an address in lower case is given its checksum, and a right one is kept", () => {
  expect(checksummed(address.toLowerCase())).toBe(address);
  expect(checksummed(address)).toBe(address);
});

const digits = address.slice(2);
const refused = [
  `0x${digits.replace("F79b", "f79b")}`,
  `0x${digits.toUpperCase()}`,
  `0X${digits}`,
  digits,
  `${address}0`,
];
test.each(refused)("%s is no address", (text) => {
  expect(checksummed(text)).toBeUndefined();
});
