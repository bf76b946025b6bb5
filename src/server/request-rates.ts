import ipaddr from "ipaddr.js";
import { PaygentError } from "../protocol/errors.ts";
import type { Clock } from "../runtime/clock.ts";

/** How many seconds' worth of requests may come at once. */
const burstSeconds = 2;
const fullSweepSize = 10_000;

/** Counts HTTP requests; both throw `rate_limited`, with the seconds to wait, for one too many. */
export interface RequestRates {
  spendOfAddress(address: string): void;
  spendOfUser(userId: string): void;
}

/** Requests a second that a user and an address may make; 0 for any number. */
export function createRequestRates(limits: { perUser: number; perAddress: number }, clock: Clock): RequestRates {
  const users = new Rate(limits.perUser);
  const addresses = new Rate(limits.perAddress);
  const spend = (rate: Rate, name: string, whose: string) => {
    const waitSeconds = rate.spend(name, clock.now());
    if (waitSeconds === 0) return;
    throw new PaygentError("rate_limited", `${whose} too many requests; wait and ask less often.`, {
      details: { retry_after_s: waitSeconds },
    });
  };
  return {
    spendOfAddress: (address) => spend(addresses, networkOf(address), "This address makes"),
    spendOfUser: (userId) => spend(users, userId, "You make"),
  };
}

/** A token bucket for each name. */
class Rate {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes one; gives 0, or the whole seconds until there is one. */
  spend(name: string, now: number): number {
    if (this.#perSecond === 0) return 0;
    if (this.#buckets.size >= fullSweepSize) this.#forgetIdle(now);
    const bucket = this.#buckets.get(name);
    const left = bucket === undefined ? this.#most : this.#leftOf(bucket, now);
    if (left < 1) return Math.ceil((1 - left) / this.#perSecond);
    this.#buckets.set(name, { left: left - 1, at: now });
    return 0;
  }

  get #most(): number {
    return this.#perSecond * burstSeconds;
  }

  /** A clock that was set back takes nothing away and gives nothing. */
  #leftOf({ left, at }: { left: number; at: number }, now: number): number {
    return Math.min(this.#most, left + (Math.max(0, now - at) / 1000) * this.#perSecond);
  }

  /** A full bucket is as good as none, so what is kept is bounded by what really came within seconds. */
  #forgetIdle(now: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (this.#leftOf(bucket, now) >= this.#most) this.#buckets.delete(name);
    }
  }
}

/** An address of IPv6 stands for its /64: whoever has one of them has them all. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(":") : parsed.toString();
}
