import type { StoredEvent } from "../store/event-log.ts";

/** What a session's watchers are told. Deltas are frames on the wire already; they are never stored. */
export interface SessionListener {
  /** Events that are now in the log. They may come late, twice or out of order: the log decides. */
  onEvents(events: readonly StoredEvent[]): void;
  onDelta(frame: string): void;
}

/** Carries hints about committed events, and live text, from workers to sockets. */
export interface Bus {
  publish(sessionId: string, events: readonly StoredEvent[]): void;
  publishDelta(sessionId: string, frame: string): void;
  /** Gives back the function that ends the subscription. */
  subscribe(sessionId: string, listener: SessionListener): () => void;
}
