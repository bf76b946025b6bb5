import type { PaygentError } from "../protocol/errors.ts";
import type { ServerEvent } from "../protocol/events.ts";
import type { EventQueue } from "./event-queue.ts";
import type { ExecutionEnd } from "./server-event.ts";

/** A command that was handed to a session, and what comes of it. */
export interface RunningExecution {
  /** Made by the client before anything is sent, so a command sent twice is one execution. */
  readonly id: string;
  /** Resolves when the server has stored the execution; rejects with a `PaygentError` when it refuses it. */
  readonly accepted: Promise<ServerEvent>;
  /**
   * Resolves with the event that ends the execution: `complete`, `cancelled` or a fatal `error`. Rejects only
   * when the command was refused or the connection was closed for good; the execution may then still go on.
   */
  readonly result: Promise<ExecutionEnd>;
  /** The execution's own events from here on, ending with its last. */
  events(): AsyncIterableIterator<ServerEvent>;
  /** Asks the server to stop it. Resolves with the `cancelled` event. */
  cancel(reason?: string): Promise<ServerEvent>;
}

/** The promise of an execution's end, settled from outside. */
export class ExecutionWatch {
  readonly result: Promise<ExecutionEnd>;
  readonly queues = new Set<EventQueue<ServerEvent>>();
  readonly #resolve: (end: ExecutionEnd) => void;
  readonly #reject: (error: PaygentError) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<ExecutionEnd>();
    this.result = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Whoever only listens to events never looks at this promise; its rejection must not end the process.
    promise.catch(() => undefined);
  }

  end(end: ExecutionEnd): void {
    this.#resolve(end);
    for (const queue of this.queues) queue.end();
  }

  fail(error: PaygentError): void {
    this.#reject(error);
    for (const queue of this.queues) queue.end(error);
  }
}
