import { setTimeout as delay } from "node:timers/promises";
import type { Bus, SessionListener, Signal } from "../runtime/bus.ts";
import type { Log } from "../runtime/log.ts";
import { readEvents } from "../store/event-log.ts";
import { hasOtherNodes } from "../store/nodes.ts";
import { sessionHeads } from "../store/sessions.ts";
import type { Database } from "../store/statement.ts";
import { readHintMessage } from "./hint-message.ts";
import { Outbox } from "./outbox.ts";
import { type Subscription, Subscriptions } from "./subscriptions.ts";
import type { Transport } from "./transport.ts";

const readPage = 100;
const pollPage = 500;
/** How long a bus that is closed waits for what it has under way: what is lost of it others find by themselves. */
const farewellMs = 1000;

export interface HintBusOptions {
  readonly nodeId: string;
  readonly db: Database;
  readonly transport: Transport;
  readonly log: Log;
  /** How often the log is looked into for what no hint told of. */
  readonly pollMs: number;
}

/**
 * A bus between nodes. What crosses it are hints: "this session's log has come so far". A node whose sockets
 * follow the session reads the events themselves from the log, so a lost hint costs time and never an event.
 */
export class HintBus implements Bus {
  readonly #options: HintBusOptions;
  readonly #sessions = new Subscriptions();
  readonly #outbox = new Outbox();
  readonly #listeners: ((signal: Signal) => void)[] = [];
  /** What a session's subscription does next, one behind the other. */
  readonly #reading = new WeakMap<Subscription, Promise<void>>();
  #sending: Promise<void> | undefined;
  #hasPeers = true;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;

  constructor(options: HintBusOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#options.transport.open({
      onText: (text) => this.#receive(text),
      onGap: () => {
        void this.#send();
        void this.#poll();
      },
    });
    this.#timer = setInterval(() => void this.#poll(), this.#options.pollMs);
  }

  publish: Bus["publish"] = (sessionId, events) => {
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) return;
    this.#sessions.get(sessionId)?.deliver(events);
    if (!this.#hasPeers) return;
    this.#outbox.addHead(sessionId, { first: first.seq, last: last.seq });
    void this.#send();
  };

  publishDelta: Bus["publishDelta"] = (sessionId, frame) => {
    this.#sessions.get(sessionId)?.deliverDelta(frame);
    if (!this.#hasPeers) return;
    this.#outbox.addDelta(sessionId, frame);
    void this.#send();
  };

  subscribe(sessionId: string, listener: SessionListener, lastSeq: number): () => void {
    return this.#sessions.add(sessionId, listener, lastSeq);
  }

  signal(signal: Signal): void {
    this.#outbox.addSignal(signal);
    void this.#send();
  }

  onSignal(listener: (signal: Signal) => void): void {
    this.#listeners.push(listener);
  }

  isConnected(): boolean {
    return this.#options.transport.isConnected();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const rest = Promise.all([this.#polling, this.#send()]);
    await Promise.race([rest, delay(farewellMs, undefined, { ref: false })]);
    await this.#options.transport.close();
  }

  /** Sends what waits, now or when the transport is connected again; what comes meanwhile goes with the next text. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendAll();
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { transport, nodeId, log } = this.#options;
    try {
      // What one turn of the event loop publishes goes out together.
      await Promise.resolve();
      while (!this.#outbox.isEmpty && transport.isConnected())
        await transport.send(this.#outbox.take(nodeId, transport.maxBytes));
    } catch (error) {
      log.warn({ err: error }, "a hint to the other nodes was lost; they find what it was about by themselves");
    } finally {
      // In the same turn as the last look: what is added from here on is sent anew.
      this.#sending = undefined;
    }
  }

  #receive(text: string): void {
    const message = readHintMessage(text);
    if (message === undefined) {
      this.#options.log.warn({}, "something that is no hint of a node came over the bus, and was ignored");
      return;
    }
    const { from, heads, deltas, signals } = message;
    if (from === this.#options.nodeId) return;
    this.#hasPeers = true;
    for (const [sessionId, { last }] of Object.entries(heads)) this.#follow(sessionId, last);
    for (const [sessionId, after, frame] of deltas) this.#passOn(sessionId, after, frame);
    for (const signal of signals) this.#tell(signal);
  }

  #tell(signal: Signal): void {
    for (const listener of this.#listeners) listener(signal);
  }

  /** Reads on in the log of a session that is followed here. */
  #follow(sessionId: string, last: number): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#then(session, async () => {
      if (session.lastSeq >= last) return;
      for (;;) {
        const events = await readEvents(this.#options.db, sessionId, session.lastSeq, readPage);
        session.deliver(events);
        if (events.length < readPage) return;
      }
    });
  }

  /** Live text is passed on where it belongs: behind the event that came before it, and before the next. */
  #passOn(sessionId: string, after: number, frame: string): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#then(session, async () => {
      if (session.lastSeq === after) session.deliverDelta(frame);
    });
  }

  #then(session: Subscription, work: () => Promise<void>): void {
    const before = this.#reading.get(session);
    const done = (before ?? Promise.resolve()).then(work).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, "a session's log could not be followed; trying again");
    });
    this.#reading.set(session, done);
  }

  /** Finds what no hint and no signal told of. */
  #poll(): Promise<void> {
    this.#polling ??= this.#lookIntoLogs()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, "could not look for missed events"))
      .finally(() => {
        this.#polling = undefined;
      });
    return this.#polling;
  }

  async #lookIntoLogs(): Promise<void> {
    const { db, nodeId } = this.#options;
    this.#hasPeers = await hasOtherNodes(db, nodeId);
    const ids = this.#sessions.sessionIds;
    for (let from = 0; from < ids.length; from += pollPage) {
      const page = ids.slice(from, from + pollPage);
      for (const { id, lastSeq, isTerminated } of await sessionHeads(db, page)) {
        const session = this.#sessions.get(id);
        if (session === undefined) continue;
        if (lastSeq > session.lastSeq) this.#follow(id, lastSeq);
        if (!isTerminated || session.isOver) continue;
        session.isOver = true;
        this.#tell({ kind: "terminated", sessionId: id });
      }
    }
  }
}
