import { createHmac } from "node:crypto";
import type { Hex } from "viem";
import type { PaymentIntent } from "../runtime/wallet.ts";

/**
 * The EIP-3009 nonce of an intent. Amount, payee and URL stay out of it: whatever a service asks on a later
 * try, the token accepts at most one of the authorizations that carry this nonce.
 */
export function intentNonce(secret: Uint8Array, intent: PaymentIntent): Hex {
  const name = ["paygent/eip3009/v1", intent.executionId, intent.toolId, String(intent.epoch)].join("\0");
  return `0x${createHmac("sha256", secret).update(name).digest("hex")}`;
}
