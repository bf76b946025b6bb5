import type { ServiceResponse } from "../protocol/payment.ts";

/** One request of a page. */
export interface PageRequest {
  readonly url: string;
  readonly method: string;
  readonly body?: string | undefined;
}

/** What a page answered, after the redirects that were followed. */
export interface PageAnswer {
  /** The address that answered. */
  readonly url: string;
  readonly response: ServiceResponse;
  /** The `PAYMENT-REQUIRED` header of a 402. */
  readonly paymentRequired: string | undefined;
}

/**
 * The way to addresses that nobody has vouched for: public ones, and those that the server allows. Throws
 * `url_blocked`, `tool_failed`, `timeout`, or the signal's reason.
 */
export interface Web {
  /**
   * Asks without paying. Redirects of a GET or HEAD are followed, each checked like the first address;
   * `requireHost` throws for a host that is not to be asked.
   */
  ask(request: PageRequest, signal: AbortSignal, requireHost: (host: string) => void): Promise<PageAnswer>;
  /** Asks with a payment, which never goes to any other address than this one. */
  pay(request: PageRequest, payment: string, signal: AbortSignal): Promise<ServiceResponse>;
}

/** Whether asking twice means no more than asking once (RFC 9110, "safe"). */
export function isSafe({ method }: PageRequest): boolean {
  return method === "GET" || method === "HEAD";
}
