import { closeCodes, isRetryable } from "../protocol/close-codes.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { ServerEvent } from "../protocol/events.ts";
import { bearerSubprotocol, subprotocol } from "../protocol/websocket.ts";
import { readToken, type TokenSource } from "./access-token.ts";
import { closeReason } from "./close-reason.ts";
import { type ReconnectOptions, reconnectDelayMs } from "./reconnect-delay.ts";
import { readServerEvent } from "./server-event.ts";

/** Where a connection stands. `closed` is final; with an error when it was not closed by `close()`. */
export type ConnectionStatus =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  | { readonly state: "reconnecting"; readonly attempt: number; readonly delayMs: number }
  | { readonly state: "closed"; readonly error?: PaygentError };

export interface EventSocketOptions {
  /** `ws://…/api/v1/ws` */
  readonly url: string;
  readonly sessionId: string;
  readonly token: TokenSource;
  readonly lastSeq: number | undefined;
  readonly reconnect: ReconnectOptions;
  readonly answerTimeoutMs: number;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onStatus: (status: ConnectionStatus) => void;
}

/**
 * A session's events over as many WebSockets as it takes: each durable event once and in order, whatever
 * happens to the sockets. It ends only by `close()` or when the server says that trying again is useless.
 */
export class EventSocket {
  readonly #options: EventSocketOptions;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastSeq: number | undefined;
  #gapAt: number | undefined;
  #heartbeatMs: number;
  #attempt = 0;
  #openedAt: number | undefined;
  #isTokenRetried = false;
  #isClosed = false;

  constructor(options: EventSocketOptions) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
    this.#heartbeatMs = options.answerTimeoutMs;
  }

  /** The last durable event seen; what the next socket resumes from. */
  get lastSeq(): number | undefined {
    return this.#lastSeq;
  }

  open(): void {
    this.#options.onStatus({ state: "connecting" });
    void this.#connect();
  }

  /** `false` when there is no open socket; nothing is kept then. */
  send(text: string): boolean {
    if (this.#openedAt === undefined || this.#socket === undefined) return false;
    this.#socket.send(text);
    return true;
  }

  close(error?: PaygentError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leave();
    this.#options.onStatus(error === undefined ? { state: "closed" } : { state: "closed", error });
  }

  async #connect(): Promise<void> {
    let token: string;
    try {
      token = await readToken(this.#options.token);
    } catch (error) {
      // A token that cannot be fetched now may be fetched later; one that is malformed stays so.
      if (error instanceof PaygentError && error.code === "unauthenticated") this.close(error);
      else this.#lose(closeCodes.goingAway);
      return;
    }
    if (this.#isClosed) return;

    const url = new URL(this.#options.url);
    url.searchParams.set("session_id", this.#options.sessionId);
    if (this.#lastSeq !== undefined) url.searchParams.set("last_seq", String(this.#lastSeq));
    const socket = new WebSocket(url, [subprotocol, `${bearerSubprotocol}${token}`]);
    this.#socket = socket;
    const ifCurrent = (action: () => void) => {
      if (this.#socket === socket) action();
    };
    socket.addEventListener("message", (message) => ifCurrent(() => this.#receive(message.data)));
    socket.addEventListener("close", (close) => ifCurrent(() => this.#lose(close.code)));
    // Not every runtime follows a failed handshake's `error` with a `close`.
    socket.addEventListener("error", () => ifCurrent(() => this.#lose(closeCodes.goingAway)));
    this.#after(this.#options.answerTimeoutMs, () => this.#lose(closeCodes.goingAway));
  }

  #receive(frame: unknown): void {
    this.#expectHeartbeat();
    const received = readServerEvent(frame);
    if (received === undefined || !this.#isNext(received.seq)) return;
    const { event, seq } = received;
    if (seq !== undefined) this.#lastSeq = seq;
    if (event === undefined) return;

    if (event.type === "connected") {
      this.#isTokenRetried = false;
      this.#openedAt = Date.now();
      this.#heartbeatMs = event.data.heartbeat_ms;
      this.#expectHeartbeat();
      this.#lastSeq ??= event.data.last_seq;
      this.#options.onStatus({ state: "open" });
    }
    this.#options.onEvent(event);
    // What the server still has follows.
    if (event.type === "resync") this.#lastSeq = Math.max(0, event.data.first_seq - 1);
  }

  /** Whether an event is to be shown: not a repeated one, and not one behind a gap that a reconnect can fill. */
  #isNext(seq: number | undefined): boolean {
    if (seq === undefined || this.#lastSeq === undefined) return true;
    if (seq <= this.#lastSeq) return false;
    if (seq === this.#lastSeq + 1 || this.#gapAt === this.#lastSeq) return true;
    this.#gapAt = this.#lastSeq;
    this.#lose(closeCodes.goingAway);
    return false;
  }

  #expectHeartbeat(): void {
    this.#after(this.#heartbeatMs, () => {
      this.send(JSON.stringify({ type: "ping", data: {} }));
      this.#after(this.#options.answerTimeoutMs, () => this.#lose(closeCodes.goingAway));
    });
  }

  #lose(closeCode: number): void {
    const { reconnect, token } = this.#options;
    if (this.#isClosed) return;
    const wasStable = this.#openedAt !== undefined && Date.now() - this.#openedAt >= reconnect.maxMs;
    this.#leave();

    if (closeCode === closeCodes.unauthenticated && typeof token === "function" && !this.#isTokenRetried) {
      this.#isTokenRetried = true;
      this.#options.onStatus({ state: "reconnecting", attempt: this.#attempt, delayMs: 0 });
      void this.#connect();
      return;
    }
    if (!isRetryable(closeCode)) {
      this.close(closeReason(closeCode));
      return;
    }
    // A server that accepts and drops at once must not be met with attempts at the shortest delay.
    if (wasStable) this.#attempt = 0;
    const delayMs = reconnectDelayMs(this.#attempt, reconnect, Math.random());
    this.#attempt += 1;
    this.#after(delayMs, () => void this.#connect());
    this.#options.onStatus({ state: "reconnecting", attempt: this.#attempt, delayMs });
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#openedAt = undefined;
    socket?.close(closeCodes.normal);
  }

  /** There is one timer: for the next attempt, for an answer, or for the next heartbeat. */
  #after(delayMs: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delayMs);
  }
}
