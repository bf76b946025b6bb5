import { randomUUID } from "node:crypto";
import type { RawData } from "ws";
import { closeCodes } from "../protocol/close-codes.ts";
import { decodeMessage, refOf } from "../protocol/decode.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import { approve } from "../runtime/approve.ts";
import { cancel } from "../runtime/cancel.ts";
import { edit } from "../runtime/edit.ts";
import { execute } from "../runtime/execute.ts";
import { reject } from "../runtime/reject.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { tracedMessage } from "../runtime/traced.ts";
import { duplicateOf } from "./duplicate.ts";
import { MessageBudget } from "./message-budget.ts";
import type { Outbound } from "./outbound.ts";
import type { Peer } from "./peer.ts";
import { internalDetail, isForClient } from "./problem.ts";
import type { Rates } from "./rates.ts";

/** With so many messages waiting for the store, no more are read from the socket. */
const maxWaitingMessages = 32;

/** What every connection of a server shares. */
export interface InboundParts {
  readonly runtime: Runtime;
  /** Messages a connection may send in a second before it is told off, and later closed. */
  readonly messagesPerSecond: number;
  /** Counts the messages of all connections of a user. */
  readonly rates: Pick<Rates, "spendMessage">;
}

/** What comes in on a socket: counted, carried out in the order in which it came, and answered. */
export class Inbound {
  readonly #parts: InboundParts;
  readonly #peer: Peer;
  readonly #outbound: Outbound;
  readonly #messages: MessageBudget;
  /** The messages that are waiting, one behind the other. */
  #done: Promise<void> = Promise.resolve();
  #waiting = 0;
  #lastHeardAt: number;

  constructor(parts: InboundParts, peer: Peer, outbound: Outbound) {
    this.#parts = parts;
    this.#peer = peer;
    this.#outbound = outbound;
    this.#messages = new MessageBudget(parts.messagesPerSecond);
    this.#lastHeardAt = parts.runtime.clock.now();
    peer.ws.on("message", (data, isBinary) => this.#receive(data, isBinary));
    peer.ws.on("pong", () => this.#receivePong());
    peer.ws.on("ping", (data) => this.#receivePing(data));
  }

  /** When anything came last. */
  get lastHeardAt(): number {
    return this.#lastHeardAt;
  }

  /** Lets messages wait until the peer was greeted, or could not be. */
  startAfter(greeted: Promise<void>): void {
    this.#done = greeted.catch(() => undefined);
  }

  #hear(): void {
    this.#lastHeardAt = this.#parts.runtime.clock.now();
  }

  /** Pings count like messages: each costs an answer, which the peer need not read. */
  #receivePing(data: Buffer): void {
    const peer = this.#peer;
    if (peer.isDismissed) return;
    this.#receivePong();
    if (!peer.isDismissed && !this.#outbound.shutIfTooSlow()) peer.ws.pong(data);
  }

  #receivePong(): void {
    this.#hear();
    if (this.#messages.spend(this.#lastHeardAt) === "flooding") this.#shutFlooding();
  }

  #shutFlooding(): void {
    this.#peer.shut(closeCodes.policyViolation, "flooding");
  }

  #receive(data: RawData, isBinary: boolean): void {
    const peer = this.#peer;
    if (peer.isDismissed) return;
    this.#hear();
    if (peer.shutIfExpired(this.#lastHeardAt)) return;
    if (isBinary) return peer.shut(closeCodes.unsupportedData, "messages are text");
    switch (this.#messages.spend(this.#lastHeardAt)) {
      case "within":
        return this.#enqueue(data.toString());
      case "over":
        return this.#refuse(
          new PaygentError("rate_limited", "Too many messages in a second. Slow down and send this again."),
          {},
        );
      case "flooding":
        return this.#shutFlooding();
    }
  }

  #enqueue(text: string): void {
    const { ws } = this.#peer;
    this.#waiting += 1;
    if (this.#waiting >= maxWaitingMessages) ws.pause();
    this.#done = this.#done.then(async () => {
      if (!this.#peer.isDismissed) await this.#handle(text);
      this.#waiting -= 1;
      if (ws.isPaused && this.#waiting < maxWaitingMessages) ws.resume();
    });
  }

  /** Never rejects. */
  async #handle(text: string): Promise<void> {
    if (!(await this.#isWithinRate(text))) return;
    const message = this.#decode(text);
    if (message === undefined) return;
    const carriedOut = tracedMessage(`message ${message.type}`, this.#peer.sessionId, () => this.#dispatch(message));
    const answered = carriedOut.catch((error: unknown) => this.#refuse(error, subjectOf(message), message.id));
    // An edit asks a service for its price, and a cancel behind it must not wait for that.
    if (message.type !== "edit") await answered;
  }

  async #isWithinRate(text: string): Promise<boolean> {
    try {
      await this.#parts.rates.spendMessage(this.#peer.identity.userId);
      return !this.#peer.isDismissed;
    } catch (error) {
      this.#refuse(error, {}, refOf(text));
      if (this.#messages.refuse(this.#lastHeardAt) === "flooding") this.#shutFlooding();
      return false;
    }
  }

  #decode(text: string): ClientMessage | undefined {
    try {
      return decodeMessage(text);
    } catch (error) {
      this.#refuse(error, {}, refOf(text));
      if (this.#messages.spendMalformed(this.#lastHeardAt)) {
        this.#peer.shut(closeCodes.policyViolation, "too many malformed messages");
      }
      return undefined;
    }
  }

  async #dispatch(message: ClientMessage): Promise<void> {
    const { runtime } = this.#parts;
    const { sessionId, identity } = this.#peer;
    const ref = message.id;
    switch (message.type) {
      case "execute": {
        const started = await execute(runtime, identity, { sessionId, input: message.data, ref });
        if (!started.isDuplicate) return;
        return this.#outbound.say("execution_started", await duplicateOf(runtime.store.db, started.execution), ref);
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
        return this.#outbound.say("pong", { session_id: sessionId }, ref);
    }
  }

  /** Answers a message that cannot be carried out; what is not the client's fault is logged and not shown. */
  #refuse(error: unknown, about: { execution_id?: string; request_id?: string }, ref?: string): void {
    const { sessionId } = this.#peer;
    const base = { session_id: sessionId, ...about };
    if (isForClient(error)) {
      const { code, message, details } = error;
      if (code === "unauthenticated") return this.#peer.revoke();
      return this.#outbound.say(
        "error",
        { ...base, code, message, ...(details === undefined ? {} : { details }) },
        ref,
      );
    }
    const correlation_id = randomUUID();
    this.#parts.runtime.log.error({ err: error, session_id: sessionId, correlation_id }, "message failed");
    this.#outbound.say("error", { ...base, code: "internal", message: internalDetail, correlation_id }, ref);
  }
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
