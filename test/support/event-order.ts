import type { ServerEvent } from "../../src/protocol/events.ts";

/**
 * What must hold of every stream of a session's events that a client was sent: no gap in `seq`, and each
 * execution begins with `execution_started`, ends at most once, and says nothing after its end.
 */
export class EventOrder {
  #lastSeq: number | undefined;
  readonly #states = new Map<string, "started" | "ended">();
  #knowsBeginning: boolean;

  /** `knowsBeginning` is false for a client that came later and so did not see how executions began. */
  constructor({ knowsBeginning }: { knowsBeginning: boolean }) {
    this.#knowsBeginning = knowsBeginning;
  }

  check(event: ServerEvent): void {
    if (event.seq === undefined) {
      if (event.type === "resync") this.#startAfresh(event.data.first_seq);
      if (event.type === "text_delta") this.#refuseAfterEnd(event.data.execution_id, event.type);
      return;
    }
    if (this.#lastSeq !== undefined && event.seq !== this.#lastSeq + 1) {
      throw new Error(`seq ${event.seq} came after ${this.#lastSeq}`);
    }
    this.#lastSeq = event.seq;
    const executionId = "execution_id" in event.data ? event.data.execution_id : undefined;
    if (executionId === undefined) return;
    const state = this.#states.get(executionId);
    if (event.type === "execution_started") {
      if (state !== undefined) throw new Error(`execution ${executionId} started twice`);
      this.#states.set(executionId, "started");
      return;
    }
    if (state === undefined && this.#knowsBeginning) throw new Error(`${event.type} before execution_started`);
    this.#refuseAfterEnd(executionId, event.type);
    const isTerminal =
      event.type === "complete" || event.type === "cancelled" || (event.type === "error" && event.data.fatal);
    if (isTerminal) this.#states.set(executionId, "ended");
  }

  /** What was before is forgotten; where the log begins later than it did, an execution may have begun before that. */
  #startAfresh(firstSeq: number): void {
    this.#lastSeq = firstSeq - 1;
    this.#states.clear();
    this.#knowsBeginning = firstSeq === 1;
  }

  #refuseAfterEnd(executionId: string, type: string): void {
    if (this.#states.get(executionId) === "ended") throw new Error(`${type} after the end of ${executionId}`);
  }
}
