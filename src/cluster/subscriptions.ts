import type { SessionListener } from "../runtime/bus.ts";
import type { StoredEvent } from "../store/event-log.ts";

/** Those on this node who follow one session. */
export class Subscription {
  readonly listeners = new Set<SessionListener>();
  /** The last event that they were told of, or that they knew of when the first of them came. */
  lastSeq: number;
  /** Whether looking has found, and told, that the session is terminated. */
  isOver = false;

  constructor(lastSeq: number) {
    this.lastSeq = lastSeq;
  }

  deliver(events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    this.lastSeq = Math.max(this.lastSeq, last.seq);
    for (const listener of this.listeners) listener.onEvents(events);
  }

  deliverDelta(frame: string): void {
    for (const listener of this.listeners) listener.onDelta(frame);
  }
}

/** Who on this node follows which session. */
export class Subscriptions {
  readonly #sessions = new Map<string, Subscription>();

  get(sessionId: string): Subscription | undefined {
    return this.#sessions.get(sessionId);
  }

  /** Gives back the function that ends the subscription. */
  add(sessionId: string, listener: SessionListener, lastSeq: number): () => void {
    const subscription = this.#sessions.get(sessionId) ?? new Subscription(lastSeq);
    this.#sessions.set(sessionId, subscription);
    subscription.listeners.add(listener);
    return () => {
      subscription.listeners.delete(listener);
      if (subscription.listeners.size === 0) this.#sessions.delete(sessionId);
    };
  }

  get sessionIds(): string[] {
    return [...this.#sessions.keys()];
  }
}
