import type { PaygentClient } from "../client/client.ts";
import { PaygentError } from "../protocol/errors.ts";

export interface Polled<Value> {
  /** What was read last; undefined before the first answer. */
  readonly value?: Value;
  readonly isLoading: boolean;
  /** Why it could not be read the last time; what was read before stays. */
  readonly error?: PaygentError;
}

/** Something that is read every `refreshMs` while somebody looks, once for every component that shows it. */
export class PollStore<Value> {
  readonly #read: () => Promise<Value>;
  readonly #refreshMs: number;
  readonly #listeners = new Set<() => void>();
  #polled: Polled<Value> = { isLoading: true };
  #timer: ReturnType<typeof setInterval> | undefined;
  #turn = 0;

  constructor(read: () => Promise<Value>, refreshMs: number) {
    this.#read = read;
    this.#refreshMs = refreshMs;
  }

  /** The same object until something else is known, as React asks of a snapshot. */
  readonly polled = (): Polled<Value> => this.#polled;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => void this.refresh(), this.#refreshMs);
      void this.refresh();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#turn += 1;
    };
  };

  readonly refresh = async (): Promise<void> => {
    this.#turn += 1;
    const turn = this.#turn;
    let next: Polled<Value>;
    try {
      next = { value: await this.#read(), isLoading: false };
    } catch (cause) {
      const error = cause instanceof PaygentError ? cause : new PaygentError("internal", String(cause), { cause });
      next = { ...this.#polled, isLoading: false, error };
    }
    // An older answer that comes later must not undo a newer one.
    if (turn !== this.#turn) return;
    this.#polled = next;
    for (const listener of this.#listeners) listener();
  };
}

/** Finds the one store of a client and an interval for what `read` reads. */
export function sharedPoll<Value>(
  read: (client: PaygentClient) => Promise<Value>,
): (client: PaygentClient, refreshMs: number) => PollStore<Value> {
  const stores = new WeakMap<PaygentClient, Map<number, PollStore<Value>>>();
  return (client, refreshMs) => {
    const ofClient = stores.get(client) ?? new Map<number, PollStore<Value>>();
    stores.set(client, ofClient);
    const store = ofClient.get(refreshMs) ?? new PollStore(() => read(client), refreshMs);
    ofClient.set(refreshMs, store);
    return store;
  };
}
