import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import type { ServerEvent } from "../../src/protocol/events.ts";

export interface Sent {
  readonly executionId: string;
  readonly command: string;
}

export interface ClientOptions {
  readonly sessionId: string;
  readonly token: string;
  readonly ports: readonly number[];
  random(limit: number): number;
}

const silenceMs = 5000;
const workBeforeCancelMs = 1000;
const terminal = new Set(["complete", "cancelled", "error"]);

/**
 * A client that never gives up: it reconnects to any node with what it saw last, sends a command again until
 * it is in the log, and decides whatever is asked. It keeps the history of what it was told.
 */
export class ChaosClient {
  readonly sent: Sent[] = [];
  /** The durable frames in the order in which they came. */
  readonly history: { readonly seq: number; readonly text: string }[] = [];
  readonly violations: string[] = [];
  reconnects = 0;
  /** How connections that were open ended which the client did not give up itself: the code of each close. */
  readonly closeCodes: number[] = [];
  readonly #options: ClientOptions;
  readonly #started = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #open = new Map<string, string>();
  /** What is to be called off, and since when its tool runs. */
  readonly #toCancel = new Map<string, number | undefined>();
  #socket: WebSocket | undefined;
  #givenUp: WebSocket | undefined;
  #lastHeardAt = 0;
  #isClosed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#connect();
  }

  get sessionId(): string {
    return this.#options.sessionId;
  }

  /** One more client of the same session. */
  another(): ChaosClient {
    return new ChaosClient(this.#options);
  }

  command(text: string): void {
    const sent = { executionId: randomUUID(), command: text };
    this.sent.push(sent);
    this.#send("execute", { command: text, execution_id: sent.executionId });
  }

  /** Sends a command that is called off while its tool works. */
  commandToCancel(text: string): void {
    this.command(text);
    const id = this.sent.at(-1)?.executionId;
    if (id !== undefined) this.#toCancel.set(id, undefined);
  }

  cancelOne(): void {
    const running = [...this.#started].filter((id) => !this.#ended.has(id));
    const executionId = running[this.#options.random(running.length)];
    if (executionId !== undefined) this.#send("cancel", { execution_id: executionId });
  }

  /** Says again what seems to have been lost, and gives up a connection on which nothing comes. */
  nudge(): void {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && Date.now() - this.#lastHeardAt > silenceMs) this.#giveUp(socket);
    this.#send("ping", {});
    for (const { executionId, command } of this.sent) {
      if (!this.#started.has(executionId)) this.#send("execute", { command, execution_id: executionId });
    }
    for (const [requestId, tool] of this.#open) this.#decide(requestId, tool);
    for (const [executionId, since] of this.#toCancel) {
      const isDue = since !== undefined && Date.now() - since > workBeforeCancelMs;
      if (isDue && !this.#ended.has(executionId)) this.#send("cancel", { execution_id: executionId });
    }
  }

  get isDone(): boolean {
    return this.sent.every(({ executionId }) => this.#ended.has(executionId));
  }

  get unfinished(): readonly Sent[] {
    return this.sent.filter(({ executionId }) => !this.#ended.has(executionId));
  }

  close(): void {
    this.#isClosed = true;
    if (this.#socket !== undefined) this.#giveUp(this.#socket);
  }

  #giveUp(socket: WebSocket): void {
    this.#givenUp = socket;
    socket.terminate();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const { ports, random, sessionId, token } = this.#options;
    const port = ports[random(ports.length)];
    const lastSeq = this.history.at(-1)?.seq ?? 0;
    const socket = new WebSocket(
      `ws://127.0.0.1:${port}/api/v1/ws?session_id=${sessionId}&last_seq=${lastSeq}`,
      ["paygent.v1"],
      { headers: { authorization: `Bearer ${token}` }, handshakeTimeout: 2000 },
    );
    this.#socket = socket;
    this.#lastHeardAt = Date.now();
    socket.on("error", () => undefined);
    socket.on("message", (data) => {
      if (socket === this.#socket) this.#receive(data.toString());
    });
    let wasOpen = false;
    socket.on("open", () => {
      wasOpen = true;
    });
    socket.on("close", (code) => {
      if (wasOpen && socket !== this.#givenUp) this.closeCodes.push(code);
      this.reconnects += 1;
      setTimeout(() => this.#connect(), 50 + random(300));
    });
  }

  #receive(text: string): void {
    this.#lastHeardAt = Date.now();
    const event = JSON.parse(text) as ServerEvent;
    if (event.type === "resync") this.violations.push(`resync in ${this.sessionId}`);
    if (event.seq === undefined) return;
    const expected = (this.history.at(-1)?.seq ?? 0) + 1;
    if (event.seq !== expected) this.violations.push(`seq ${event.seq} came where ${expected} was due`);
    this.history.push({ seq: event.seq, text });
    const id = "execution_id" in event.data ? event.data.execution_id : undefined;
    if (id !== undefined && this.#ended.has(id)) this.violations.push(`${event.type} came after the end of ${id}`);
    this.#note(event, id);
  }

  #note(event: ServerEvent, executionId: string | undefined): void {
    switch (event.type) {
      case "execution_started":
        this.#started.add(event.data.execution_id);
        break;
      case "tool_call":
        if (this.#toCancel.has(event.data.execution_id)) this.#toCancel.set(event.data.execution_id, Date.now());
        break;
      case "approval_required":
        this.#open.set(event.data.request_id, event.data.tool_name);
        this.#decide(event.data.request_id, event.data.tool_name);
        break;
      case "approved":
      case "rejected":
      case "edit_approved":
      case "approval_expired":
        this.#open.delete(event.data.request_id);
        break;
    }
    const isEnd = terminal.has(event.type) && (event.type !== "error" || ("fatal" in event.data && event.data.fatal));
    if (isEnd && executionId !== undefined) this.#ended.add(executionId);
  }

  /** A write that may have happened is never let run again; of payments some are refused. */
  #decide(requestId: string, tool: string): void {
    const type = tool === "append" || this.#options.random(4) === 0 ? "reject" : "approve";
    this.#send(type, { request_id: requestId });
  }

  #send(type: string, data: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
  }
}
