import type { Store } from "../store/database.ts";
import { readExecutionEvents, type StoredEvent } from "../store/event-log.ts";
import { type ExecutionRow, findExecution } from "../store/executions.ts";
import { commitUnit, type Unit } from "../store/unit.ts";
import type { Bus } from "./bus.ts";
import { type Clock, isoTime } from "./clock.ts";
import { applyEvent, type ExecutionFold } from "./fold.ts";
import { Stopped } from "./stop.ts";

/** The right to write for an execution: whoever claims it next gets a higher fencing number. */
export interface Claim {
  readonly executionId: string;
  readonly sessionId: string;
  readonly fence: number;
}

interface RunLogParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly nodeId: string;
}

/** A run's hold on its execution's log: what it says so far, folded, and the right to add to it. */
export class RunLog {
  readonly claim: Claim;
  readonly fold: ExecutionFold;
  readonly #parts: RunLogParts;
  /** Events up to here were read from the log; those in `#ahead` are newer and were applied on commit. */
  #cursor = 0;
  readonly #ahead = new Set<number>();
  #mustRead: boolean;
  #news = Promise.withResolvers<void>();

  /** `known` are the execution's events when the caller has just written all there are; else they are read. */
  constructor(parts: RunLogParts, claim: Claim, fold: ExecutionFold, known: readonly StoredEvent[] | undefined) {
    this.#parts = parts;
    this.claim = claim;
    this.fold = fold;
    this.#mustRead = known === undefined;
    if (known !== undefined) this.#apply(known);
  }

  /** Whether somebody else has written since the last `read`. */
  get hasUnread(): boolean {
    return this.#mustRead;
  }

  /** Resolves when there is reason to look at the log, or at the run's signal, again. */
  get news(): Promise<void> {
    return this.#news.promise;
  }

  /** Says that somebody else wrote to the execution's log. */
  poke(): void {
    this.#mustRead = true;
    this.wake();
  }

  wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Brings the fold up to date, if there is anything new. */
  async read(): Promise<void> {
    if (!this.#mustRead) return;
    this.#mustRead = false;
    const events = await readExecutionEvents(this.#parts.store.db, this.claim.executionId, this.#cursor);
    this.#apply(events);
    this.#cursor = events.at(-1)?.seq ?? this.#cursor;
    for (const seq of this.#ahead) if (seq <= this.#cursor) this.#ahead.delete(seq);
    // The agents' loops share one fold, and only one of them read.
    if (events.length > 0) this.wake();
  }

  /**
   * Commits under the claim and tells the watchers. Throws `Stopped` when another node has taken over, and
   * when the execution was cancelled, unless this is the commit that concludes it.
   */
  async commit<T>(work: (unit: Unit) => Promise<T>, { isConcluding = false } = {}): Promise<T> {
    const { store, clock, bus } = this.#parts;
    const { sessionId, executionId } = this.claim;
    const committed = await commitUnit(store, { sessionId, executionId, at: isoTime(clock.now()) }, async (unit) => {
      this.#checkClaim(unit.execution);
      if (unit.execution.cancelBy !== null && !isConcluding) throw new Stopped({ kind: "cancel" });
      // Somebody else has written, and the hint of it may have been lost.
      if (unit.execution.lastSeq !== this.fold.lastSeq) this.#mustRead = true;
      return work(unit);
    });
    if (committed === undefined) throw new Stopped({ kind: "lost" });
    this.#apply(committed.events);
    bus.publish(sessionId, committed.events);
    return committed.value;
  }

  /**
   * Throws `Stopped` when another node has taken over. For what no failing commit undoes: what is signed and what
   * is sent.
   */
  async confirm(): Promise<void> {
    this.#checkClaim(await findExecution(this.#parts.store.db, this.claim.executionId));
  }

  #checkClaim(execution: ExecutionRow | undefined): void {
    const { fence } = this.claim;
    const isOurs =
      execution?.status === "running" && execution.owner === this.#parts.nodeId && execution.fence === fence;
    if (!isOurs) throw new Stopped({ kind: "lost" });
  }

  #apply(events: readonly StoredEvent[]): void {
    for (const event of events) {
      const isOurs = event.executionId === this.claim.executionId;
      if (!isOurs || event.seq <= this.#cursor || this.#ahead.has(event.seq)) continue;
      applyEvent(this.fold, event);
      this.#ahead.add(event.seq);
    }
  }
}
