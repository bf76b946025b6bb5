import { PaymentTerms, type ServiceResponse, SignedPayment } from "../protocol/payment.ts";

export { PaymentTerms, type ServiceResponse, SignedPayment };

/** What a service answers before it is paid. */
export type Quote =
  | { readonly kind: "free"; readonly response: ServiceResponse }
  | { readonly kind: "paid"; readonly terms: PaymentTerms };

/** The chain's word on an authorization. `open` is unused and can still settle. */
export type ChainOutcome =
  | { readonly state: "settled"; readonly txHash: string }
  | { readonly state: "cancelled"; readonly txHash: string }
  | { readonly state: "expired" }
  | { readonly state: "open" };

/** What names a payment for ever: the same intent always signs with the same nonce. */
export interface PaymentIntent {
  readonly executionId: string;
  readonly toolId: string;
  readonly epoch: number;
}

export interface Balance {
  readonly address: string;
  readonly network: string;
  readonly currency: string;
  /** Decimal string. */
  readonly amount: string;
}

/**
 * The agent's purse and its window to the paid world. It keeps no state of its own: what must survive is
 * stored by the caller between the calls.
 */
export interface Wallet {
  balance(signal?: AbortSignal): Promise<Balance>;
  /** Asks a service for its price without paying. Throws `payment_terms_invalid`, `url_blocked`, `tool_failed`, `timeout`. */
  quote(url: string, signal: AbortSignal): Promise<Quote>;
  /** Signs the terms for an intent. Calling it again for the same intent reuses the nonce, so at most one can settle. */
  sign(terms: PaymentTerms, intent: PaymentIntent): Promise<SignedPayment>;
  /** Sends exactly the signed bytes. What it answers proves nothing about the money. */
  send(terms: PaymentTerms, signed: SignedPayment, signal: AbortSignal): Promise<ServiceResponse>;
  /** Reads the chain. Throws `payment_unverified` when the nonce was used on other terms, `unavailable` when the chain does not answer. */
  outcome(terms: PaymentTerms, signed: SignedPayment): Promise<ChainOutcome>;
  /** Asks the chain to void the authorization; `outcome` tells afterwards which of the two won. */
  cancel(terms: PaymentTerms, signed: SignedPayment): Promise<void>;
}

/** A service that `pay_service` can buy from by name. */
export interface Service {
  readonly name: string;
  readonly description: string;
  readonly url: string;
  /** Decimal string; `"0.00"` for a free one. */
  readonly price: string;
  readonly currency: string;
  readonly network: string;
}

export interface Catalogue {
  list(): readonly Service[];
  find(name: string): Service | undefined;
}
