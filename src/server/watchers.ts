import type { Bus, SessionListener } from "../runtime/bus.ts";
import type { StoredEvent } from "../store/event-log.ts";
import { webSocketFrame } from "./frames.ts";

/** What a session's watchers are handed at once: frames, ready to be written, of events without a gap. */
export interface Batch {
  readonly bytes: Buffer;
  /** The seqs of the durable events in it; undefined when it holds live text alone. */
  readonly seqs: { readonly first: number; readonly last: number } | undefined;
}

export interface Watcher {
  /** Gives whether events in it were news that went out at once, and not read from the log or known already. */
  take(batch: Batch): boolean;
}

const flushBytes = 64 * 1024;

/** One session's watchers on this node. What is said in one turn of the event loop goes out in one write each. */
class Feed implements SessionListener {
  readonly watchers = new Set<Watcher>();
  readonly #observeLag: (eventAt: string) => void;
  #frames: Buffer[] = [];
  #size = 0;
  #first: number | undefined;
  #last = 0;
  #isScheduled = false;
  #lastAt: string | undefined;

  constructor(observeLag: (eventAt: string) => void) {
    this.#observeLag = observeLag;
  }

  onEvents(events: readonly StoredEvent[]): void {
    for (const { seq, text, at } of events) {
      this.#lastAt = at;
      if (this.#first !== undefined && seq !== this.#last + 1) this.#flush();
      this.#first ??= seq;
      this.#last = seq;
      this.#add(text);
    }
  }

  onDelta(frame: string): void {
    this.#add(frame);
  }

  #add(text: string): void {
    const frame = webSocketFrame(text);
    this.#frames.push(frame);
    this.#size += frame.length;
    if (this.#size >= flushBytes) this.#flush();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const [only] = this.#frames;
    if (only === undefined) return;
    const bytes = this.#frames.length === 1 ? only : Buffer.concat(this.#frames, this.#size);
    const seqs = this.#first === undefined ? undefined : { first: this.#first, last: this.#last };
    this.#frames = [];
    this.#size = 0;
    this.#first = undefined;
    let isNews = false;
    for (const watcher of this.watchers) isNews = watcher.take({ bytes, seqs }) || isNews;
    if (isNews && this.#lastAt !== undefined) this.#observeLag(this.#lastAt);
    this.#lastAt = undefined;
  }
}

/** Who watches which session on this node; each session is subscribed to once, however many watch it. */
export class Watchers {
  readonly #bus: Bus;
  readonly #observeLag: (eventAt: string) => void;
  readonly #feeds = new Map<string, { feed: Feed; unsubscribe: () => void }>();

  /** `observeLag` is told the time of the last event of each batch that was news to a watcher. */
  constructor(bus: Bus, observeLag: (eventAt: string) => void) {
    this.#bus = bus;
    this.#observeLag = observeLag;
  }

  /** Adds a watcher of a session whose log had come to `lastSeq` shortly before. */
  add(sessionId: string, watcher: Watcher, lastSeq: number): void {
    let entry = this.#feeds.get(sessionId);
    if (entry === undefined) {
      const feed = new Feed(this.#observeLag);
      entry = { feed, unsubscribe: this.#bus.subscribe(sessionId, feed, lastSeq) };
      this.#feeds.set(sessionId, entry);
    }
    entry.feed.watchers.add(watcher);
  }

  remove(sessionId: string, watcher: Watcher): void {
    const entry = this.#feeds.get(sessionId);
    if (entry === undefined) return;
    entry.feed.watchers.delete(watcher);
    if (entry.feed.watchers.size > 0) return;
    entry.unsubscribe();
    this.#feeds.delete(sessionId);
  }
}
