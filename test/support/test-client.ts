import { WebSocket } from "ws";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { EventOrder } from "./event-order.ts";

type EventType = ServerEvent["type"];
type EventOf<Type extends EventType> = Extract<ServerEvent, { type: Type }>;

/** A bare WebSocket on a session, as a client in any language would open it. Checks the order of all it sees. */
export class TestClient {
  readonly events: ServerEvent[] = [];
  /** The text of each frame, as it came. */
  readonly frames: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  readonly #order: EventOrder;
  #violation: unknown;
  #changed = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(url: string, options: { token?: string; protocols?: string[]; headers?: Record<string, string> }) {
    const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    this.socket = new WebSocket(url, options.protocols ?? ["paygent.v1"], {
      headers: { ...authorization, ...options.headers },
    });
    this.#order = new EventOrder({ knowsBeginning: url.includes("last_seq=0") });
    this.socket.on("message", (data) => this.#receive(data.toString()));
    this.socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        this.#isClosed = true;
        this.#wake();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The first event, seen already or to come, that `matches`; rejects when the socket closes before. */
  async find(matches: (event: ServerEvent) => boolean, timeoutMs = 15_000): Promise<ServerEvent> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.#violation !== undefined) throw this.#violation;
      const found = this.events.find(matches);
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error(`The socket closed; it had seen ${this.#seen()}.`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`No such event within ${timeoutMs} ms; there were ${this.#seen()}.`);
      await this.#change(left);
    }
  }

  /** The first event of a type, of one execution where it is named. */
  async first<Type extends EventType>(type: Type, executionId?: string): Promise<EventOf<Type>> {
    const event = await this.find(
      (candidate) =>
        candidate.type === type &&
        (executionId === undefined ||
          ("execution_id" in candidate.data && candidate.data.execution_id === executionId)),
    );
    // `find` matched on the type.
    return event as EventOf<Type>;
  }

  /** The event that answers the message with this id. */
  answerTo(ref: string): Promise<ServerEvent> {
    return this.find((event) => event.ref === ref);
  }

  /** The terminal event of an execution. */
  end(executionId: string): Promise<ServerEvent> {
    return this.find(
      ({ type, data }) =>
        (type === "complete" || type === "cancelled" || (type === "error" && "fatal" in data && data.fatal)) &&
        "execution_id" in data &&
        data.execution_id === executionId,
    );
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
    if (this.#violation !== undefined) throw this.#violation;
  }

  #receive(text: string): void {
    // The server's events are what the tests are about: they are read as what PROTOCOL.md says they are.
    const event = JSON.parse(text) as ServerEvent;
    this.frames.push(text);
    this.events.push(event);
    try {
      this.#order.check(event);
    } catch (violation) {
      this.#violation ??= violation;
    }
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Any number may wait at once. */
  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      void this.#changed.promise.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #seen(): string {
    return this.events.map(({ type }) => type).join(", ") || "none";
  }
}
