import { PaygentError } from "../protocol/errors.ts";
import { networkOf } from "./network-of.ts";

/** How many seconds' worth may come at once. */
const burstSeconds = 2;

/** Counts something by name, so many a second. */
export interface Rate {
  /** Takes one: gives 0, or in how many milliseconds there is one. Rejects with `unavailable` when nobody knows. */
  spend(name: string): Promise<number>;
}

/** Limits in a second; 0 is any number. */
export interface RateLimits {
  readonly requestsPerUser: number;
  readonly requestsPerAddress: number;
  readonly messagesPerUser: number;
}

/** All throw `rate_limited`, with the seconds to wait, for one too many. */
export interface Rates {
  /** HTTP requests, those for a WebSocket included. */
  spendOfAddress(address: string): Promise<void>;
  spendOfUser(userId: string): Promise<void>;
  /** Messages of all sockets of a user. */
  spendMessage(userId: string): Promise<void>;
}

export function createRates(limits: RateLimits, rateOf: (name: string, perSecond: number) => Rate): Rates {
  const users = rateOf("requests of user", limits.requestsPerUser);
  const addresses = rateOf("requests of address", limits.requestsPerAddress);
  const messages = rateOf("messages of user", limits.messagesPerUser);
  return {
    spendOfAddress: (address) =>
      spend(addresses, limits.requestsPerAddress, networkOf(address), "This address makes too many requests"),
    spendOfUser: (userId) => spend(users, limits.requestsPerUser, userId, "You make too many requests"),
    spendMessage: (userId) => spend(messages, limits.messagesPerUser, userId, "You send too many messages"),
  };
}

/** How many may come at once. */
export function burstOf(perSecond: number): number {
  return perSecond * burstSeconds;
}

async function spend(rate: Rate, perSecond: number, name: string, what: string): Promise<void> {
  if (perSecond === 0) return;
  const waitMs = await rate.spend(name);
  if (waitMs === 0) return;
  throw new PaygentError("rate_limited", `${what}; wait and try again less often.`, {
    details: { retry_after_s: Math.ceil(waitMs / 1000) },
  });
}
