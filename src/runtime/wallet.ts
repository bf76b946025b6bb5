import type { PaymentTerms, ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { Service, WalletInfo } from "../protocol/resources.ts";
import type { PageRequest } from "./web.ts";

/** What a service answers before it is paid. */
export type Quote =
  | { readonly kind: "free"; readonly response: ServiceResponse }
  | { readonly kind: "paid"; readonly terms: PaymentTerms };

/** The chain's word on an authorization. `open` is unused and can still settle. */
export type ChainOutcome =
  | { readonly state: "settled"; readonly txHash: string /** Its number, in decimal digits. */; readonly block: string }
  | { readonly state: "cancelled"; readonly txHash: string }
  | { readonly state: "expired" }
  | { readonly state: "open" };

/** What names a payment for ever: the same intent always signs with the same nonce. */
export interface PaymentIntent {
  readonly executionId: string;
  readonly toolId: string;
  /** Always 0, and part of what a nonce is made from. */
  readonly epoch: number;
}

/** What keeps a wallet from signing. */
export interface SigningLimits {
  /** Until when, at the latest, what is signed is good: milliseconds since the epoch. */
  readonly notAfter?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Money for an address, with nothing in return. `amount` is decimal, in the token's currency. */
export interface Transfer {
  readonly to: string;
  readonly amount: string;
  readonly currency: string;
}

/**
 * The agent's purse and its window to the paid world. It keeps no state of its own: what must survive is
 * stored by the caller between the calls.
 */
export interface Wallet {
  balance(signal?: AbortSignal): Promise<WalletInfo>;
  /** Asks a service for its price without paying. Throws `payment_terms_invalid`, `url_blocked`, `tool_failed`, `timeout`. */
  quote(url: string, signal: AbortSignal): Promise<Quote>;
  /**
   * Checks what a page of the web asks for in the `PAYMENT-REQUIRED` header of its 402, and freezes it for
   * this request. Throws `payment_terms_invalid`.
   */
  termsOf(request: PageRequest, header: string): PaymentTerms;
  /** The terms of a transfer. Throws `invalid_arguments` for an address, amount or currency that cannot be paid. */
  transferTerms(transfer: Transfer): PaymentTerms;
  /**
   * Signs the terms for an intent. Calling it again for the same intent reuses the nonce, so at most one can
   * settle. Throws `approval_expired` when `notAfter` is past, and the signal's reason, with nothing signed, when
   * it is aborted before.
   */
  sign(terms: PaymentTerms, intent: PaymentIntent, limits?: SigningLimits): Promise<SignedPayment>;
  /**
   * Sends exactly the signed bytes: to the service, or for a transfer to the chain. What it answers proves
   * nothing about the money.
   */
  send(terms: PaymentTerms, signed: SignedPayment, signal: AbortSignal): Promise<ServiceResponse>;
  /** Reads the chain. Throws `payment_unverified` when the nonce was used on other terms, `unavailable` when the chain does not answer. */
  outcome(terms: PaymentTerms, signed: SignedPayment): Promise<ChainOutcome>;
  /** Asks the chain to void the authorization; `outcome` tells afterwards which of the two won. */
  cancel(terms: PaymentTerms, signed: SignedPayment): Promise<void>;
}

/** The services that agents may buy from by name. */
export interface Catalogue {
  list(): readonly Service[];
  find(name: string): Service | undefined;
}
