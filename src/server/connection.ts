import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { closeCodes } from "../protocol/close-codes.ts";
import { decodeMessage, refOf } from "../protocol/decode.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { LiveEventData, LiveEventType } from "../protocol/events.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import { approve } from "../runtime/approve.ts";
import { cancel } from "../runtime/cancel.ts";
import { edit } from "../runtime/edit.ts";
import { execute } from "../runtime/execute.ts";
import { reject } from "../runtime/reject.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { tracedMessage } from "../runtime/traced.ts";
import { readEvents } from "../store/event-log.ts";
import { findSession, type SessionRow } from "../store/sessions.ts";
import type { Identity } from "./auth.ts";
import { connectedData } from "./connected.ts";
import { duplicateOf } from "./duplicate.ts";
import { liveText, webSocketFrame } from "./frames.ts";
import { MessageBudget } from "./message-budget.ts";
import type { Rates } from "./rates.ts";
import type { Batch, Watcher, Watchers } from "./watchers.ts";

const heartbeatMs = 25_000;
const silenceMs = 60_000;
const replayPage = 100;
const maxQueuedBytes = 1024 * 1024;
/**
 * Beyond this much unsent a peer is behind: it reads on from the log at its own pace, and live text is left
 * out, being a preview of what a durable event says whole.
 */
const behindBytes = 512 * 1024;
/** How long a peer that is behind may read nothing. */
const stallMs = 15_000;
const replayChunkBytes = 64 * 1024;
const tooSlow = "this client reads too slowly; reconnect with last_seq";
const terminateAfterMs = 2000;
/** With so many messages waiting for the store, no more are read from the socket. */
const maxWaitingMessages = 32;

/** What every connection of a server shares. */
export interface ConnectionParts {
  readonly runtime: Runtime;
  readonly watchers: Watchers;
  /** Messages a connection may send in a second before it is told off, and later closed. */
  readonly messagesPerSecond: number;
  /** Counts the messages of all connections of a user. */
  readonly rates: Pick<Rates, "spendMessage">;
}

/** One socket on one session: events out, commands in. Closing it stops nothing. */
export class Connection implements Watcher {
  readonly #parts: ConnectionParts;
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly sessionId: string;
  readonly identity: Identity;
  readonly #messages: MessageBudget;
  /** The last durable event that was written to the socket. */
  #cursor = 0;
  #isReplaying = true;
  #hasMissed = false;
  /** Whether the server has ended it: what still comes from the peer no longer counts. */
  #isDismissed = false;
  /** The messages that are waiting, one behind the other: they are carried out in the order in which they came. */
  #messagesDone: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Since when nothing more can be written. */
  #stalledSince: number | undefined;
  #lastHeardAt: number;
  #lastPingAt: number;

  constructor(
    parts: ConnectionParts,
    { ws, socket, sessionId, identity }: { ws: WebSocket; socket: Duplex; sessionId: string; identity: Identity },
  ) {
    this.#parts = parts;
    this.#ws = ws;
    this.#socket = socket;
    this.sessionId = sessionId;
    this.identity = identity;
    this.#messages = new MessageBudget(parts.messagesPerSecond);
    this.#lastHeardAt = parts.runtime.clock.now();
    this.#lastPingAt = this.#lastHeardAt;
    ws.on("message", (data, isBinary) => this.#receive(data, isBinary));
    ws.on("pong", () => this.#receivePong());
    ws.on("ping", (data) => this.#receivePing(data));
    // What ws finds wrong with a peer it answers with the fitting close code by itself.
    ws.on("error", () => undefined);
    ws.on("close", () => parts.watchers.remove(sessionId, this));
  }

  /** Sends `connected`, then what was missed after `lastSeq`, then everything as it happens. */
  async open(lastSeq: number | undefined): Promise<void> {
    const greeted = this.#greet(lastSeq);
    this.#messagesDone = greeted.catch(() => undefined);
    await greeted;
    await this.#replay();
  }

  async #greet(lastSeq: number | undefined): Promise<void> {
    const { runtime, watchers } = this.#parts;
    const session = await findSession(runtime.store.db, this.sessionId);
    if (session === undefined) return this.close(closeCodes.notFound, "no such session for this user");
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    // Subscribed before the log's end is passed on, so that nothing can fall between replay and live.
    watchers.add(this.sessionId, this);
    this.#say("connected", await connectedData(runtime, session, this.identity.userId, heartbeatMs));
    this.#cursor = lastSeq ?? session.lastSeq;
    if (this.#cursor > session.lastSeq || this.#cursor < session.firstSeq - 1) this.#resync(session);
  }

  #resync({ id, firstSeq, lastSeq }: SessionRow): void {
    this.#say("resync", { session_id: id, first_seq: firstSeq, last_seq: lastSeq });
    this.#cursor = firstSeq - 1;
  }

  close(code: number, reason: string): void {
    this.#isDismissed = true;
    this.#ws.close(code, reason);
  }

  /** Ends it because its token no longer holds. */
  revoke(): void {
    this.#shut(closeCodes.unauthenticated, "the access token was revoked");
  }

  /** Drops a peer that does not answer. */
  terminate(): void {
    this.#ws.terminate();
  }

  /** Called every second or so: pings, and ends what is silent or no longer allowed to be here. */
  tick(now: number): void {
    if (this.#isExpired(now)) {
      this.#shut(closeCodes.unauthenticated, "the access token has expired");
    } else if (this.#stalledSince !== undefined && now - this.#stalledSince >= stallMs) {
      this.#shut(closeCodes.overloaded, tooSlow);
    } else if (now - this.#lastHeardAt >= silenceMs) {
      this.#ws.terminate();
    } else if (now - this.#lastPingAt >= heartbeatMs) {
      this.#lastPingAt = now;
      this.#ws.ping();
    }
  }

  take({ bytes, seqs }: Batch): void {
    const isBehind = this.#socket.writableLength > behindBytes;
    if (this.#isReplaying) {
      if (seqs !== undefined) this.#hasMissed = true;
    } else if (seqs === undefined) {
      if (!isBehind) this.#write(bytes);
    } else if (seqs.first === this.#cursor + 1 && !isBehind) {
      this.#cursor = seqs.last;
      this.#write(bytes);
    } else if (seqs.last > this.#cursor) {
      void this.#replay();
    }
  }

  /** Reads on from the log until the socket has all there is. */
  async #replay(): Promise<void> {
    const { db } = this.#parts.runtime.store;
    this.#isReplaying = true;
    try {
      for (;;) {
        await this.#drained();
        this.#hasMissed = false;
        const events = await readEvents(db, this.sessionId, this.#cursor, replayPage);
        const [first, last] = [events[0], events.at(-1)];
        if (first !== undefined && first.seq !== this.#cursor + 1) {
          // What comes next may have been archived while this peer was reading.
          const session = await findSession(db, this.sessionId);
          if (session !== undefined && this.#cursor < session.firstSeq - 1) {
            this.#resync(session);
            continue;
          }
        }
        for (const chunk of framesInChunks(events)) {
          this.#write(chunk);
          await this.#drained();
        }
        this.#cursor = last?.seq ?? this.#cursor;
        if (this.#ws.readyState !== this.#ws.OPEN) return;
        if (events.length < replayPage && !this.#hasMissed) break;
      }
      this.#isReplaying = false;
    } catch (error) {
      this.#parts.runtime.log.error({ err: error, session_id: this.sessionId }, "replay failed");
      this.close(closeCodes.overloaded, "the log could not be read; reconnect with last_seq");
    }
  }

  async #drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain) return;
    this.#stalledSince = this.#parts.runtime.clock.now();
    const closed = new AbortController();
    const onClose = () => closed.abort();
    this.#ws.once("close", onClose);
    try {
      await once(this.#socket, "drain", { signal: closed.signal });
    } catch {
      // Closed meanwhile; the caller looks at the socket's state.
    } finally {
      this.#ws.off("close", onClose);
      this.#stalledSince = undefined;
    }
  }

  #say<Type extends LiveEventType>(type: Type, data: LiveEventData[Type], ref?: string): void {
    this.#write(webSocketFrame(liveText(this.#parts.runtime.clock, type, data, ref)));
  }

  #write(bytes: Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (!this.#isTooSlow()) this.#socket.write(bytes);
  }

  /** Ends a peer that leaves too much unread, rather than remember yet more for it. */
  #isTooSlow(): boolean {
    if (this.#socket.writableLength <= maxQueuedBytes) return false;
    this.#shut(closeCodes.overloaded, tooSlow);
    return true;
  }

  /** Closes a peer that may never answer the close. */
  #shut(code: number, reason: string): void {
    if (this.#isDismissed) return;
    this.#parts.watchers.remove(this.sessionId, this);
    this.close(code, reason);
    setTimeout(() => this.#ws.terminate(), terminateAfterMs).unref();
  }

  #hear(): void {
    this.#lastHeardAt = this.#parts.runtime.clock.now();
  }

  #isExpired(now: number): boolean {
    const { expiresAt } = this.identity;
    return expiresAt !== undefined && expiresAt <= now;
  }

  /** Pings count like messages: each costs an answer, which the peer need not read. */
  #receivePing(data: Buffer): void {
    if (this.#isDismissed) return;
    this.#receivePong();
    if (!this.#isDismissed && !this.#isTooSlow()) this.#ws.pong(data);
  }

  #receivePong(): void {
    this.#hear();
    if (this.#messages.spend(this.#lastHeardAt) === "flooding") this.#shut(closeCodes.policyViolation, "flooding");
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#isDismissed) return;
    this.#hear();
    if (this.#isExpired(this.#lastHeardAt)) {
      return this.#shut(closeCodes.unauthenticated, "the access token has expired");
    }
    if (isBinary) return this.#shut(closeCodes.unsupportedData, "messages are text");
    switch (this.#messages.spend(this.#lastHeardAt)) {
      case "within":
        return this.#enqueue(data.toString());
      case "over":
        this.#refuse(
          new PaygentError("rate_limited", "Too many messages in a second. Slow down and send this again."),
          {},
        );
        return;
      case "flooding":
        return this.#shut(closeCodes.policyViolation, "flooding");
    }
  }

  #enqueue(text: string): void {
    this.#waiting += 1;
    if (this.#waiting >= maxWaitingMessages) this.#ws.pause();
    this.#messagesDone = this.#messagesDone.then(async () => {
      if (!this.#isDismissed) await this.#handle(text);
      this.#waiting -= 1;
      if (this.#ws.isPaused && this.#waiting < maxWaitingMessages) this.#ws.resume();
    });
  }

  /** Never rejects. */
  async #handle(text: string): Promise<void> {
    if (!(await this.#isWithinRate(text))) return;
    const message = this.#decode(text);
    if (message === undefined) return;
    const answered = tracedMessage(`message ${message.type}`, this.sessionId, () => this.#dispatch(message)).catch(
      (error: unknown) => this.#refuse(error, subjectOf(message), message.id),
    );
    // An edit asks a service for its price, and a cancel behind it must not wait for that.
    if (message.type !== "edit") await answered;
  }

  async #isWithinRate(text: string): Promise<boolean> {
    try {
      await this.#parts.rates.spendMessage(this.identity.userId);
      return !this.#isDismissed;
    } catch (error) {
      this.#refuse(error, {}, refOf(text));
      if (this.#messages.refuse(this.#lastHeardAt) === "flooding") this.#shut(closeCodes.policyViolation, "flooding");
      return false;
    }
  }

  #decode(text: string): ClientMessage | undefined {
    try {
      return decodeMessage(text);
    } catch (error) {
      this.#refuse(error, {}, refOf(text));
      if (this.#messages.spendMalformed(this.#lastHeardAt)) {
        this.#shut(closeCodes.policyViolation, "too many malformed messages");
      }
      return undefined;
    }
  }

  async #dispatch(message: ClientMessage): Promise<void> {
    const { runtime } = this.#parts;
    const { sessionId, identity } = this;
    const ref = message.id;
    switch (message.type) {
      case "execute": {
        const started = await execute(runtime, identity, { sessionId, input: message.data, ref });
        if (started.isDuplicate)
          this.#say("execution_started", await duplicateOf(runtime.store.db, started.execution), ref);
        return;
      }
      case "approve":
        return approve(runtime, identity, { sessionId, input: message.data, ref });
      case "reject":
        return reject(runtime, identity, { sessionId, input: message.data, ref });
      case "edit":
        return edit(runtime, identity, { sessionId, input: message.data, ref });
      case "cancel":
        return cancel(runtime, identity, { sessionId, input: message.data, ref });
      case "ping":
        return this.#say("pong", { session_id: sessionId }, ref);
    }
  }

  /** Answers a message that cannot be carried out; what is not the client's fault is logged and not shown. */
  #refuse(error: unknown, about: { execution_id?: string; request_id?: string }, ref?: string): void {
    const base = { session_id: this.sessionId, ...about };
    if (error instanceof PaygentError) {
      const { code, message, details } = error;
      if (code === "unauthenticated") return this.revoke();
      return this.#say("error", { ...base, code, message, ...(details === undefined ? {} : { details }) }, ref);
    }
    const correlation_id = randomUUID();
    this.#parts.runtime.log.error({ err: error, session_id: this.sessionId, correlation_id }, "message failed");
    const message = "Something went wrong on the server; try again, and name the correlation id if it stays.";
    this.#say("error", { ...base, code: "internal", message, correlation_id }, ref);
  }
}

/** The events' frames in buffers that are written at once, none much larger than it needs to be. */
function* framesInChunks(events: readonly { readonly text: string }[]): Generator<Buffer> {
  let frames: Buffer[] = [];
  let size = 0;
  for (const { text } of events) {
    const frame = webSocketFrame(text);
    frames.push(frame);
    size += frame.length;
    if (size < replayChunkBytes) continue;
    yield Buffer.concat(frames, size);
    frames = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(frames, size);
}

function subjectOf(message: ClientMessage): { execution_id?: string; request_id?: string } {
  switch (message.type) {
    case "approve":
    case "reject":
    case "edit":
      return { request_id: message.data.request_id };
    case "cancel":
      return { execution_id: message.data.execution_id };
    case "execute":
      return message.data.execution_id === undefined ? {} : { execution_id: message.data.execution_id };
    case "ping":
      return {};
  }
}
