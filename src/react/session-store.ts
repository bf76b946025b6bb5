import type { PaygentClient } from "../client/client.ts";
import type { Connection } from "../client/connection.ts";
import type { ConnectionStatus } from "../client/event-socket.ts";
import { SessionFold, type SessionView } from "./session-fold.ts";

/** How long events are gathered before the view changes: one frame. */
const flushMs = 16;

/**
 * One session's connection and view, shared by every component that shows it. It is connected while somebody
 * is subscribed.
 */
export class SessionStore {
  readonly #client: PaygentClient;
  readonly #sessionId: string;
  readonly #listeners = new Set<() => void>();
  #fold = new SessionFold();
  #connection: Connection | undefined;
  #status: ConnectionStatus = { state: "connecting" };
  #view: SessionView = this.#fold.view(this.#status);
  #flush: ReturnType<typeof setTimeout> | undefined;
  #leave: ReturnType<typeof setTimeout> | undefined;

  constructor(client: PaygentClient, sessionId: string) {
    this.#client = client;
    this.#sessionId = sessionId;
  }

  get view(): SessionView {
    return this.#view;
  }

  /** The live connection. Commands given over it are kept until the server has answered them. */
  get connection(): Connection {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  subscribe(listener: () => void): () => void {
    clearTimeout(this.#leave);
    this.#listeners.add(listener);
    this.#connection ??= this.#connect();
    return () => {
      this.#listeners.delete(listener);
      // One turn later: a component that is mounted anew subscribes again at once.
      if (this.#listeners.size === 0) this.#leave = setTimeout(() => this.#close(), 0);
    };
  }

  #connect(): Connection {
    const connection = this.#client.connect(this.#sessionId, { lastSeq: 0 });
    connection.on("event", (event) => {
      this.#fold.apply(event);
      this.#schedule();
    });
    connection.on("status", (status) => {
      this.#status = status;
      this.#schedule();
    });
    return connection;
  }

  #schedule(): void {
    if (this.#connection === undefined) return;
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      this.#view = this.#fold.view(this.#status);
      for (const listener of this.#listeners) listener();
    }, flushMs);
  }

  #close(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
    this.#fold = new SessionFold();
    this.#status = { state: "connecting" };
    this.#view = this.#fold.view(this.#status);
  }
}

const stores = new WeakMap<PaygentClient, Map<string, SessionStore>>();

/** The one store of a client's session. */
export function sessionStore(client: PaygentClient, sessionId: string): SessionStore {
  const ofClient = stores.get(client) ?? new Map<string, SessionStore>();
  stores.set(client, ofClient);
  const store = ofClient.get(sessionId) ?? new SessionStore(client, sessionId);
  ofClient.set(sessionId, store);
  return store;
}
