import { expect, test } from "vitest";
import { intentNonce } from "./nonce.ts";

const secret = new Uint8Array(32).fill(7);
const intent = { executionId: "execution", toolId: "tool", epoch: 0 };

test("an intent has one nonce for ever", () => {
  expect(intentNonce(secret, intent)).toBe(intentNonce(secret, { ...intent }));
  expect(intentNonce(secret, intent)).toMatch(/^0x[0-9a-f]{64}$/);
});

// Written down once and for all: with another nonce, a payment that is open during an update could settle twice.
test("the nonce of a known intent never changes", () => {
  expect(intentNonce(secret, intent)).toBe("0x30954ed50380b85e6c9da71470715e6f65399c08cc3cfadfb12e37b1d955afa7");
});

test("another execution, call, epoch or wallet has another nonce", () => {
  const nonces = [
    intentNonce(secret, intent),
    intentNonce(secret, { ...intent, executionId: "other" }),
    intentNonce(secret, { ...intent, toolId: "other" }),
    intentNonce(secret, { ...intent, epoch: 1 }),
    intentNonce(new Uint8Array(32), intent),
  ];

  expect(new Set(nonces).size).toBe(nonces.length);
});
