import { Readable } from "node:stream";
import { PaygentError } from "../../protocol/errors.ts";
import { type Clock, isoTime } from "../../runtime/clock.ts";
import { type Identity, isExpired } from "../auth.ts";
import { maxUnreadBytes, stallMs } from "../slow-readers.ts";
import type { Api, EventSlice, Frame } from "./api.ts";

const pageSize = 200;
const tickMs = 5000;
const ticksPerHeartbeat = 5;
const destroyAfterMs = 2000;

export interface EventStreamOptions {
  readonly api: Api;
  readonly identity: Identity;
  readonly sessionId: string;
  readonly afterSeq: number;
  readonly clock: Clock;
}

/**
 * A session's events after `afterSeq` as server-sent events: first those in the log, then live ones. Ends
 * when the credential expires or is revoked, and when the client reads too slowly; `Last-Event-ID` then picks
 * up the thread.
 */
export async function eventStream(options: EventStreamOptions): Promise<Readable> {
  const { api, identity, sessionId, afterSeq } = options;
  // The first page is read before anything is answered, so that a session that is not there is a plain 404.
  const first = await api.readEvents(identity, sessionId, afterSeq, pageSize);
  const feed = new SessionFeed(options, first);
  return feed.stream;
}

/** One open stream. A live event is sent as it comes only when it is the next in order; all else is read from the log. */
class SessionFeed {
  readonly stream: Readable;
  readonly #options: EventStreamOptions;
  readonly #unsubscribe: () => void;
  readonly #unwatch: () => void;
  readonly #timer: NodeJS.Timeout;
  #sentSeq: number;
  #isReplaying = false;
  #hasMissed = false;
  #isEnded = false;
  #ticks = 0;
  #resume: (() => void) | undefined;
  /** Since when the log waits for the reader. */
  #stalledSince: number | undefined;

  constructor(options: EventStreamOptions, first: EventSlice) {
    this.#options = options;
    this.#sentSeq = options.afterSeq;
    this.stream = new Readable({
      read: () => this.#resume?.(),
      destroy: (error, callback) => {
        this.#unsubscribe();
        this.#unwatch();
        clearInterval(this.#timer);
        this.#resume?.();
        callback(error);
      },
    });
    this.#unsubscribe = options.api.subscribe(options.sessionId, (frame) => this.#take(frame), first.lastSeq);
    this.#unwatch = options.api.onRevoked(options.identity, () => this.#end());
    this.#timer = setInterval(() => this.#tick(), tickMs);
    // Sends the headers at once, also when no event is there yet.
    this.#push(": connected\n\n");
    if (options.afterSeq > first.lastSeq || options.afterSeq < first.firstSeq - 1) this.#resync(first);
    void this.#replay();
  }

  #take(frame: Frame): void {
    if (this.stream.destroyed) return;
    const isNext = frame.seq === undefined || frame.seq === this.#sentSeq + 1;
    if (this.#isReplaying) {
      if (frame.seq !== undefined) this.#hasMissed = true;
    } else if (isNext) {
      this.#send(frame);
    } else if (frame.seq !== undefined && frame.seq > this.#sentSeq) {
      void this.#replay();
    }
  }

  async #replay(): Promise<void> {
    const { api, identity, sessionId } = this.#options;
    this.#isReplaying = true;
    try {
      for (;;) {
        this.#hasMissed = false;
        const slice = await api.readEvents(identity, sessionId, this.#sentSeq, pageSize);
        if (this.stream.destroyed || this.#isEnded) return;
        const { events } = slice;
        const [next] = events;
        if (next !== undefined && next.seq !== this.#sentSeq + 1 && slice.firstSeq > this.#sentSeq + 1) {
          // What comes next was archived while this client was reading.
          this.#resync(slice);
          continue;
        }
        for (const event of events) this.#send(event);
        if (events.length === 0 && !this.#hasMissed) break;
        await this.#drained();
      }
    } catch {
      // The client comes back with Last-Event-ID, and the error is then answered as one.
      this.stream.destroy();
    } finally {
      this.#isReplaying = false;
    }
  }

  /** Replay waits for the reader, so that a long log is never in memory as a whole. */
  async #drained(): Promise<void> {
    while (this.stream.readableLength >= this.stream.readableHighWaterMark && !this.stream.destroyed) {
      this.#stalledSince = this.#options.clock.now();
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    this.#resume = undefined;
    this.#stalledSince = undefined;
  }

  #resync({ firstSeq, lastSeq }: EventSlice): void {
    const text = JSON.stringify({
      type: "resync",
      data: { session_id: this.#options.sessionId, first_seq: firstSeq, last_seq: lastSeq },
      timestamp: isoTime(this.#options.clock.now()),
    });
    this.#sentSeq = Math.max(0, firstSeq - 1);
    this.#send({ seq: undefined, text });
  }

  #send(frame: Frame): void {
    if (frame.seq === undefined) {
      this.#push(`data: ${frame.text}\n\n`);
    } else {
      this.#sentSeq = frame.seq;
      this.#push(`id: ${frame.seq}\ndata: ${frame.text}\n\n`);
    }
  }

  #push(text: string): void {
    if (this.stream.destroyed || this.#isEnded) return;
    this.stream.push(text);
    if (!this.#isReplaying && this.stream.readableLength > maxUnreadBytes) this.stream.destroy();
  }

  /** Ends a reader that may never read on. */
  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.stream.push(null);
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#unwatch();
    setTimeout(() => this.stream.destroy(), destroyAfterMs).unref();
  }

  #tick(): void {
    const { clock, identity } = this.#options;
    const now = clock.now();
    if (isExpired(identity, now)) {
      this.#end();
    } else if (this.#stalledSince !== undefined && now - this.#stalledSince >= stallMs) {
      this.stream.destroy();
    } else if (++this.#ticks % ticksPerHeartbeat === 0) {
      this.#push(": heartbeat\n\n");
    }
  }
}

/** The place that a client wants to go on from; a browser sends it as `Last-Event-ID` after a break. */
export function resumePoint(lastEventId: string | undefined, afterSeq: number): number {
  if (lastEventId === undefined || lastEventId === "") return afterSeq;
  if (!/^\d{1,15}$/.test(lastEventId)) {
    throw new PaygentError("invalid_message", '"Last-Event-ID" must be the seq of the last event received.');
  }
  return Number(lastEventId);
}
