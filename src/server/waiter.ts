import { unreachable } from "../store/outage.ts";

const patienceMs = 5000;

/** Somebody who waits for a store's answer, and not longer than five seconds: then it is `unavailable`. */
export class Waiter<T> {
  readonly answer: Promise<T>;
  readonly #settled = Promise.withResolvers<T>();
  readonly #timer: NodeJS.Timeout;
  #isGone = false;

  constructor() {
    this.answer = this.#settled.promise;
    this.#timer = setTimeout(() => this.fail(unreachable(new Error("no answer in time"))), patienceMs);
  }

  /** Whether there is nobody any more to be given something. */
  get isGone(): boolean {
    return this.#isGone;
  }

  give(value: T): void {
    this.#leave();
    this.#settled.resolve(value);
  }

  fail(error: unknown): void {
    this.#leave();
    this.#settled.reject(error);
  }

  #leave(): void {
    this.#isGone = true;
    clearTimeout(this.#timer);
  }
}
