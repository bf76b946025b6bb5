import type { Clock } from "../runtime/clock.ts";
import { burstOf, type Rate } from "./rates.ts";

const fullSweepSize = 10_000;
const sweepMs = 1000;

/** A token bucket for each name, in the memory of the one server there is. */
export class LocalRate implements Rate {
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { left: number; at: number }>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  async spend(name: string): Promise<number> {
    const now = this.#clock.now();
    if (this.#buckets.size >= fullSweepSize) this.#forgetFull(now);
    const bucket = this.#buckets.get(name);
    const left = bucket === undefined ? burstOf(this.#perSecond) : this.#leftOf(bucket, now);
    if (left < 1) return ((1 - left) / this.#perSecond) * 1000;
    this.#buckets.set(name, { left: left - 1, at: now });
    return 0;
  }

  /** A clock that was set back takes nothing away and gives nothing. */
  #leftOf({ left, at }: { left: number; at: number }, now: number): number {
    return Math.min(burstOf(this.#perSecond), left + (Math.max(0, now - at) / 1000) * this.#perSecond);
  }

  /** A full bucket is as good as none, so what is kept is bounded by what really came within seconds. */
  #forgetFull(now: number): void {
    if (Math.abs(now - this.#sweptAt) < sweepMs) return;
    this.#sweptAt = now;
    for (const [name, bucket] of this.#buckets) {
      if (this.#leftOf(bucket, now) >= burstOf(this.#perSecond)) this.#buckets.delete(name);
    }
  }
}
