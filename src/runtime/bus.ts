import type { StoredEvent } from "../store/event-log.ts";

/** What a session's watchers are told. Deltas are frames on the wire already; they are never stored. */
export interface SessionListener {
  /** Events that are now in the log. They may come late, twice or out of order: the log decides. */
  onEvents(events: readonly StoredEvent[]): void;
  onDelta(frame: string): void;
}

/** What one node tells the others beside hints about events. Any of them may be lost: the store has what it was about. */
export type Signal =
  /** The cancellation of an execution that runs elsewhere is committed. */
  | { readonly kind: "cancel"; readonly executionId: string }
  /** Somebody wrote to the log of an execution that runs elsewhere. */
  | { readonly kind: "poke"; readonly executionId: string }
  /** There are executions that nobody works on: a node goes down, or is full. */
  | { readonly kind: "work" }
  /** A session is over; raised too when a node finds that out about one that is followed there. */
  | { readonly kind: "terminated"; readonly sessionId: string };

/** Carries hints about committed events, and live text, from workers to sockets, wherever they are. */
export interface Bus {
  publish(sessionId: string, events: readonly StoredEvent[]): void;
  publishDelta(sessionId: string, frame: string): void;
  /**
   * Follows a session whose log had come to `lastSeq` shortly before. Gives back the function that ends the
   * subscription.
   */
  subscribe(sessionId: string, listener: SessionListener, lastSeq: number): () => void;
  /** Tells the other nodes. */
  signal(signal: Signal): void;
  /** Calls `listener` with what other nodes signal, until the bus is closed. */
  onSignal(listener: (signal: Signal) => void): void;
  /** Whether hints come through at once; without them nodes look into the log every few seconds. */
  isConnected(): boolean;
  close(): Promise<void>;
}
