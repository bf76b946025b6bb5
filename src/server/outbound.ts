import { once } from "node:events";
import { closeCodes } from "../protocol/close-codes.ts";
import type { LiveEventData, LiveEventType } from "../protocol/events.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { readEvents } from "../store/event-log.ts";
import { findSession, type SessionRow } from "../store/sessions.ts";
import { framesInChunks, liveText, webSocketFrame } from "./frames.ts";
import type { Peer } from "./peer.ts";
import { maxUnreadBytes, stallMs } from "./slow-readers.ts";
import type { Batch, Watcher } from "./watchers.ts";

const replayPage = 100;
/**
 * Beyond this much unsent a peer is behind: it reads on from the log at its own pace, and live text is left
 * out, being a preview of what a durable event says whole.
 */
const behindBytes = 512 * 1024;
const tooSlow = "this client reads too slowly; reconnect with last_seq";

/** What goes out on a socket: what was missed, then everything as it happens, no faster than the peer reads. */
export class Outbound implements Watcher {
  readonly #runtime: Runtime;
  readonly #peer: Peer;
  /** The last durable event that was written to the socket. */
  #cursor = 0;
  #isReplaying = true;
  #hasMissed = false;
  /** Since when nothing more can be written. */
  #stalledSince: number | undefined;

  constructor(runtime: Runtime, peer: Peer) {
    this.#runtime = runtime;
    this.#peer = peer;
  }

  /** Goes on after event `lastSeq`, or from here on; whoever is ahead of the log, or too far behind, is told so. */
  startAfter(lastSeq: number | undefined, session: SessionRow): void {
    this.#cursor = lastSeq ?? session.lastSeq;
    if (this.#cursor > session.lastSeq || this.#cursor < session.firstSeq - 1) this.#resync(session);
  }

  #resync({ id, firstSeq, lastSeq }: SessionRow): void {
    this.say("resync", { session_id: id, first_seq: firstSeq, last_seq: lastSeq });
    this.#cursor = firstSeq - 1;
  }

  say<Type extends LiveEventType>(type: Type, data: LiveEventData[Type], ref?: string): void {
    this.#write(webSocketFrame(liveText(this.#runtime.clock, type, data, ref)));
  }

  take({ bytes, seqs }: Batch): boolean {
    if (!this.#peer.isOpen) return false;
    const isBehind = this.#peer.socket.writableLength > behindBytes;
    if (this.#isReplaying) {
      if (seqs !== undefined) this.#hasMissed = true;
    } else if (seqs === undefined) {
      if (!isBehind) this.#write(bytes);
    } else if (seqs.first === this.#cursor + 1 && !isBehind) {
      this.#cursor = seqs.last;
      this.#write(bytes);
      return true;
    } else if (seqs.last > this.#cursor) {
      void this.replay();
    }
    return false;
  }

  /** Reads on from the log until the socket has all there is. Never rejects. */
  async replay(): Promise<void> {
    this.#isReplaying = true;
    try {
      let isAtEnd = false;
      while (this.#peer.isOpen && (!isAtEnd || this.#hasMissed)) {
        this.#hasMissed = false;
        isAtEnd = await this.#replayPage();
      }
      this.#isReplaying = false;
    } catch (error) {
      this.#runtime.log.error({ err: error, session_id: this.#peer.sessionId }, "replay failed");
      this.#peer.close(closeCodes.overloaded, "the log could not be read; reconnect with last_seq");
    }
  }

  /** Gives whether the log had no more than this. */
  async #replayPage(): Promise<boolean> {
    const { db } = this.#runtime.store;
    const { sessionId } = this.#peer;
    await this.#drained();
    const events = await readEvents(db, sessionId, this.#cursor, replayPage);
    const [first, last] = [events[0], events.at(-1)];
    if (first !== undefined && first.seq !== this.#cursor + 1) {
      // What comes next may have been archived while this peer was reading.
      const session = await findSession(db, sessionId);
      if (session !== undefined && this.#cursor < session.firstSeq - 1) {
        this.#resync(session);
        return false;
      }
    }
    for (const chunk of framesInChunks(events)) {
      this.#write(chunk);
      await this.#drained();
    }
    this.#cursor = last?.seq ?? this.#cursor;
    return events.length < replayPage;
  }

  async #drained(): Promise<void> {
    const { socket, ws } = this.#peer;
    if (!socket.writableNeedDrain) return;
    this.#stalledSince = this.#runtime.clock.now();
    const closed = new AbortController();
    const onClose = () => closed.abort();
    ws.once("close", onClose);
    try {
      await once(socket, "drain", { signal: closed.signal });
    } catch {
      // Closed meanwhile; the caller looks at the socket's state.
    } finally {
      ws.off("close", onClose);
      this.#stalledSince = undefined;
    }
  }

  #write(bytes: Buffer): void {
    if (!this.#peer.isOpen) return;
    if (!this.shutIfTooSlow()) this.#peer.socket.write(bytes);
  }

  /** Ends a peer that leaves too much unread, rather than remember yet more for it; gives whether it did. */
  shutIfTooSlow(): boolean {
    if (this.#peer.socket.writableLength <= maxUnreadBytes) return false;
    this.#peer.shut(closeCodes.overloaded, tooSlow);
    return true;
  }

  /** Ends a peer that has read nothing for too long; gives whether it did. */
  shutIfStalled(now: number): boolean {
    if (this.#stalledSince === undefined || now - this.#stalledSince < stallMs) return false;
    this.#peer.shut(closeCodes.overloaded, tooSlow);
    return true;
  }
}
