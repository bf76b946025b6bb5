import type { Clock } from "./clock.ts";

const longestMs = 15_000;

interface Pause {
  readonly lengthMs: number;
  readonly until: number;
  /** How far the execution had come. */
  readonly lastSeq: number;
}

/**
 * How long executions rest after a run that was interrupted, because a service, the chain or the store was not
 * there: longer each time in a row, so that what is down is not run at for as long as it is.
 */
export class Pauses {
  readonly #clock: Clock;
  readonly #shortestMs: number;
  readonly #pauses = new Map<string, Pause>();

  constructor(clock: Clock, shortestMs: number) {
    this.#clock = clock;
    this.#shortestMs = shortestMs;
  }

  /** An execution that got further than the last time begins anew with a short one. */
  begin(executionId: string, lastSeq: number): void {
    const before = this.#pauses.get(executionId);
    const isStuck = before !== undefined && before.lastSeq === lastSeq;
    const lengthMs = isStuck ? Math.min(longestMs, before.lengthMs * 2) : this.#shortestMs;
    this.#pauses.set(executionId, { lengthMs, until: this.#clock.now() + lengthMs, lastSeq });
  }

  isOver(executionId: string): boolean {
    return (this.#pauses.get(executionId)?.until ?? 0) <= this.#clock.now();
  }

  /** Ends a pause before its time, because something has changed; gives whether there was one. */
  end(executionId: string): boolean {
    return this.#pauses.delete(executionId);
  }

  /** Forgets all others. */
  keepOnly(executionIds: ReadonlySet<string>): void {
    for (const id of this.#pauses.keys()) if (!executionIds.has(id)) this.#pauses.delete(id);
  }
}
