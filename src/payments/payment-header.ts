import { encodePaymentSignatureHeader } from "@x402/core/http";
import type { PaymentPayload } from "@x402/core/types";
import {
  appendPaymentIdentifierToExtensions,
  isPaymentIdentifierExtension,
  PAYMENT_IDENTIFIER,
} from "@x402/extensions/payment-identifier";
import type { Address, Hex } from "viem";
import type { PaymentTerms } from "../protocol/payment.ts";
import { FrozenOffer } from "./terms.ts";

/** A signed EIP-3009 `TransferWithAuthorization`, beside the amount of its terms; good from the start. */
interface SignedAuthorization {
  readonly from: Address;
  readonly to: Address;
  /** Unix seconds. */
  readonly validBefore: number;
  readonly nonce: Hex;
  readonly signature: Hex;
}

/** The `PAYMENT-SIGNATURE` header that pays frozen terms (x402 v2, scheme `exact`). */
export function paymentHeader(terms: PaymentTerms, signed: SignedAuthorization): string {
  const { from, to, nonce, signature } = signed;
  const validBefore = String(signed.validBefore);
  const authorization = { from, to, value: terms.amount, validAfter: "0", validBefore, nonce };
  return encodePaymentSignatureHeader(payloadOf(terms, { authorization, signature }, nonce));
}

/** The x402 v2 payment payload for frozen terms, with the payment identifier where the service knows it. */
function payloadOf(terms: PaymentTerms, payload: Record<string, unknown>, nonce: Hex): PaymentPayload {
  const offer = FrozenOffer.parse(JSON.parse(terms.requirements));
  const extensions = { ...offer.extensions };
  if (isPaymentIdentifierExtension(extensions[PAYMENT_IDENTIFIER]))
    appendPaymentIdentifierToExtensions(extensions, `pg_${nonce.slice(2)}`);
  // `requirements` was checked against x402's own schema before it was frozen, and is sent back unchanged.
  const { resource, accepted } = offer as unknown as Pick<PaymentPayload, "resource" | "accepted">;
  return { x402Version: 2, resource, accepted, payload, extensions };
}
