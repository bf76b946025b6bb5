import type { Clock } from "../runtime/clock.ts";
import { type Asked, type Grant, takeFromBuckets } from "../store/rate-buckets.ts";
import type { Database } from "../store/statement.ts";
import { Coalesced } from "./coalesced.ts";
import { burstOf, type Rate } from "./rates.ts";
import { Waiter } from "./waiter.ts";

/** What a server takes at a time, as a part of a second's worth: what it does not use, others cannot. */
const allotmentShare = 50;
/** How long a server that found a bucket empty does not ask again, so that a flood is refused without a query. */
const leastPauseMs = 100;
const maxSubjects = 500;
const fullSweepSize = 10_000;
const sweepMs = 1000;
const idleMs = 60_000;

/** What a server has of one bucket. */
interface Hand {
  left: number;
  /** When the bucket was found empty, and for how long it is not asked again. */
  emptyAt: number;
  pauseMs: number;
  usedAt: number;
  waiting: Waiter<number>[];
}

/**
 * A token bucket for each name that all servers of a database draw from. Each takes a few tokens at a time and
 * gets the next ones before they are used up, so most spending waits for nothing; nothing is spent that was not
 * taken before. All that is asked for in a turn, or while a question is under way, is one statement.
 */
export class SharedRate implements Rate {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #perSecond: number;
  readonly #allotment: number;
  readonly #hands = new Map<string, Hand>();
  readonly #short = new Set<string>();
  readonly #asking = new Coalesced(() => this.#ask());
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(store: { readonly db: Database }, clock: Clock, name: string, perSecond: number) {
    this.#db = store.db;
    this.#clock = clock;
    this.#name = name;
    this.#perSecond = perSecond;
    this.#allotment = Math.ceil(perSecond / allotmentShare);
  }

  async spend(name: string): Promise<number> {
    const now = this.#clock.now();
    const hand = this.#handOf(name, now);
    if (hand.left > 0) {
      hand.left -= 1;
      if (hand.left < this.#allotment / 2 && pauseOf(hand, now) === 0) this.#need(name);
      return 0;
    }
    const pause = pauseOf(hand, now);
    if (pause > 0) return pause;
    const waiter = new Waiter<number>();
    hand.waiting.push(waiter);
    this.#need(name);
    return waiter.answer;
  }

  /** Resolves when nothing is asked any more. */
  idle(): Promise<void> {
    return this.#asking.idle();
  }

  #handOf(name: string, now: number): Hand {
    if (this.#hands.size >= fullSweepSize) this.#forgetIdle(now);
    let hand = this.#hands.get(name);
    if (hand === undefined) {
      hand = { left: 0, emptyAt: now, pauseMs: 0, usedAt: now, waiting: [] };
      this.#hands.set(name, hand);
    }
    hand.usedAt = now;
    return hand;
  }

  #need(name: string): void {
    this.#short.add(name);
    this.#asking.wake();
  }

  async #ask(): Promise<void> {
    const asked = [...this.#short].slice(0, maxSubjects).flatMap((subject) => {
      this.#short.delete(subject);
      const hand = this.#hands.get(subject);
      if (hand === undefined) return [];
      hand.waiting = hand.waiting.filter(({ isGone }) => !isGone);
      const wanted = Math.max(0, this.#allotment - hand.left) + hand.waiting.length;
      return wanted === 0 ? [] : [{ subject, wanted: Math.min(wanted, burstOf(this.#perSecond)), hand }];
    });
    if (asked.length > 0) await this.#take(asked);
    if (this.#short.size > 0) this.#asking.wake();
  }

  async #take(asked: readonly (Asked & { hand: Hand })[]): Promise<void> {
    const perSecond = this.#perSecond;
    const bucket = { rate: this.#name, perSecond, most: burstOf(perSecond) };
    try {
      for (const grant of await takeFromBuckets(this.#db, bucket, this.#clock.now(), asked)) this.#deal(grant);
    } catch (error) {
      // Nothing is given out that the database did not grant.
      for (const { hand } of asked) for (const waiter of hand.waiting.splice(0)) waiter.fail(error);
    }
  }

  #deal({ subject, hand, granted, waitMs }: Grant & Asked & { hand: Hand }): void {
    const waiting = hand.waiting.filter(({ isGone }) => !isGone);
    hand.left += granted;
    for (const waiter of waiting.splice(0, hand.left)) {
      hand.left -= 1;
      waiter.give(0);
    }
    hand.waiting = waiting;
    if (waitMs > 0) {
      hand.emptyAt = this.#clock.now();
      hand.pauseMs = Math.max(leastPauseMs, waitMs);
      for (const waiter of waiting.splice(0)) waiter.give(hand.pauseMs);
    } else if (waiting.length > 0) {
      this.#need(subject);
    }
  }

  /** What was left in the hand of somebody who has been away is full in the bucket again. */
  #forgetIdle(now: number): void {
    if (Math.abs(now - this.#sweptAt) < sweepMs) return;
    this.#sweptAt = now;
    for (const [name, { usedAt, waiting }] of this.#hands) {
      if (waiting.length === 0 && now - usedAt >= idleMs && !this.#short.has(name)) this.#hands.delete(name);
    }
  }
}

/** How long the bucket is not to be asked. A clock that was set back locks nobody out. */
function pauseOf({ emptyAt, pauseMs }: Hand, now: number): number {
  return now >= emptyAt && now - emptyAt < pauseMs ? emptyAt + pauseMs - now : 0;
}
