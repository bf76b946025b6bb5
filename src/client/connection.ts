import type * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { ServerEvent } from "../protocol/events.ts";
import type { Approve, Cancel, ClientMessage, Edit, Execute, Reject } from "../protocol/messages.ts";
import { newId } from "../protocol/new-id.ts";
import { EventQueue } from "./event-queue.ts";
import { type ConnectionStatus, EventSocket, type EventSocketOptions } from "./event-socket.ts";
import { ExecutionWatch, type RunningExecution } from "./execution.ts";
import { PendingCommands } from "./pending-commands.ts";
import { type ExecutionEnd, isExecutionEnd } from "./server-event.ts";

type EventType = ServerEvent["type"];

/** What a connection tells its listeners: every server event under its type, all of them, and its status. */
export type ConnectionEvents = {
  [Type in EventType]: Extract<ServerEvent, { type: Type }>;
} & { event: ServerEvent; status: ConnectionStatus };

export interface ConnectionOptions extends Omit<EventSocketOptions, "onEvent" | "onStatus"> {
  /** Looks up the end of an execution that ended before this connection began. */
  readonly findEnd: (executionId: string) => Promise<ExecutionEnd | undefined>;
  readonly onListenerError: (error: unknown) => void;
}

const endedStatuses: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

/**
 * A live session. Durable events arrive once and in order over any number of reconnects; commands given
 * while it is away are sent when it is back, and are done once however often they were sent.
 */
export class Connection {
  readonly sessionId: string;
  readonly #options: ConnectionOptions;
  readonly #socket: EventSocket;
  readonly #commands = new PendingCommands();
  readonly #executions = new Map<string, ExecutionWatch>();
  readonly #queues = new Set<EventQueue<ServerEvent>>();
  readonly #listeners = new Map<string, Set<(value: never) => void>>();
  #status: ConnectionStatus = { state: "connecting" };
  #userId: string | undefined;

  constructor(options: ConnectionOptions) {
    this.sessionId = options.sessionId;
    this.#options = options;
    this.#socket = new EventSocket({
      ...options,
      onEvent: (event) => this.#receive(event),
      onStatus: (status) => this.#setStatus(status),
    });
    // One turn later, so that whoever asked for the connection can listen before its first status.
    queueMicrotask(() => {
      if (this.#status.state !== "closed") this.#socket.open();
    });
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** The last durable event seen; give it as `lastSeq` to go on from here with another connection. */
  get lastSeq(): number | undefined {
    return this.#socket.lastSeq;
  }

  /** Listens; returns the function that stops listening. What a listener throws harms no other. */
  on<Type extends keyof ConnectionEvents>(type: Type, listener: (value: ConnectionEvents[Type]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Every event from here on. Ends with `close()`; throws the `PaygentError` of a connection that was refused. */
  events(): AsyncIterableIterator<ServerEvent> {
    const queue: EventQueue<ServerEvent> = new EventQueue(() => this.#queues.delete(queue));
    this.#queues.add(queue);
    if (this.#status.state === "closed") queue.end(this.#status.error);
    return queue;
  }

  /** Starts an execution. Give `execution_id` to make it the same one as an earlier call's. */
  execute(command: string, options: Omit<z.input<typeof Execute>, "command"> = {}): RunningExecution {
    const id = options.execution_id ?? newId();
    const watch = this.#executions.get(id) ?? new ExecutionWatch();
    this.#executions.set(id, watch);
    const accepted = this.#command({ type: "execute", data: { ...options, command, execution_id: id } });
    accepted.then(
      (event) => this.#lookUpEnd(id, event),
      (error) => {
        this.#executions.delete(id);
        watch.fail(error);
      },
    );
    return {
      id,
      accepted,
      result: watch.result,
      events: () => {
        const queue: EventQueue<ServerEvent> = new EventQueue(() => watch.queues.delete(queue));
        watch.queues.add(queue);
        watch.result.then(
          () => queue.end(),
          (error) => queue.end(error),
        );
        return queue;
      },
      cancel: (reason) => this.cancel(id, reason === undefined ? {} : { reason }),
    };
  }

  /** Resolves with the event that says so; rejects with the server's `PaygentError` (`already_decided`, …). */
  approve(requestId: string, options: Omit<Approve, "request_id"> = {}): Promise<ServerEvent> {
    return this.#command({ type: "approve", data: { ...options, request_id: requestId } });
  }

  /** Resolves with the event that says so; rejects with the server's `PaygentError`. */
  reject(requestId: string, options: Omit<Reject, "request_id"> = {}): Promise<ServerEvent> {
    return this.#command({ type: "reject", data: { ...options, request_id: requestId } });
  }

  /** `editedArgs` are the whole new arguments. Rejects with `invalid_arguments` and the request still pending. */
  edit(
    requestId: string,
    editedArgs: Edit["edited_args"],
    options: Omit<Edit, "request_id" | "edited_args"> = {},
  ): Promise<ServerEvent> {
    return this.#command({ type: "edit", data: { ...options, request_id: requestId, edited_args: editedArgs } });
  }

  /** Resolves with the `cancelled` event of the execution. */
  cancel(executionId: string, options: Omit<Cancel, "execution_id"> = {}): Promise<ServerEvent> {
    return this.#command({ type: "cancel", data: { ...options, execution_id: executionId } });
  }

  /** Leaves the session. What runs in it goes on. */
  close(): void {
    this.#socket.close();
  }

  #command(message: ClientMessage): Promise<ServerEvent> {
    if (this.#status.state === "closed") return Promise.reject(this.#status.error ?? closedError(this.sessionId));
    const answer = this.#commands.add(message, (text) => this.#socket.send(text));
    answer.catch(() => undefined);
    return answer;
  }

  #receive(event: ServerEvent): void {
    if (event.type === "connected") this.#userId = event.data.user_id;
    if (!this.#commands.settle(event, this.#userId)) return;
    this.#emit("event", event);
    this.#emit(event.type, event);
    for (const queue of this.#queues) queue.push(event);

    const executionId = "execution_id" in event.data ? event.data.execution_id : undefined;
    const watch = executionId === undefined ? undefined : this.#executions.get(executionId);
    if (executionId === undefined || watch === undefined) return;
    for (const queue of watch.queues) queue.push(event);
    if (isExecutionEnd(event)) {
      this.#executions.delete(executionId);
      watch.end(event);
    }
  }

  /** An execution that the server already knew may have ended before this connection saw anything. */
  #lookUpEnd(executionId: string, event: ServerEvent): void {
    const isEnded =
      event.type === "execution_started" && "status" in event.data && endedStatuses.has(event.data.status);
    if (!isEnded) return;
    const watch = this.#executions.get(executionId);
    if (watch === undefined) return;
    const missing = new PaygentError(
      "not_found",
      `The events of execution ${executionId} are no longer kept; GET /executions tells its result.`,
    );
    this.#options.findEnd(executionId).then(
      (end) => (end === undefined ? watch.fail(missing) : watch.end(end)),
      (error) => watch.fail(error),
    );
  }

  #setStatus(status: ConnectionStatus): void {
    this.#status = status;
    if (status.state === "open") this.#commands.sendAll((text) => this.#socket.send(text));
    this.#emit("status", status);
    if (status.state !== "closed") return;
    const error = status.error ?? closedError(this.sessionId);
    this.#commands.rejectAll(error);
    for (const watch of this.#executions.values()) watch.fail(error);
    for (const queue of this.#queues) queue.end(status.error);
    this.#executions.clear();
    this.#queues.clear();
  }

  #emit<Type extends keyof ConnectionEvents>(type: Type, value: ConnectionEvents[Type]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        // `on` is the only writer and stores a listener under the type that it takes.
        (listener as (value: ConnectionEvents[Type]) => void)(value);
      } catch (error) {
        this.#options.onListenerError(error);
      }
    }
  }
}

function closedError(sessionId: string): PaygentError {
  return new PaygentError(
    "unavailable",
    `The connection to session ${sessionId} was closed; what was sent over it may still be done. Connect again to see.`,
  );
}
