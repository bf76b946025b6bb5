import { PaygentError } from "../protocol/errors.ts";
import { countExecutionsOfUser } from "../store/executions.ts";
import type { Database } from "../store/statement.ts";
import type { Clock } from "./clock.ts";

/** How long a count serves. */
const freshMs = 1000;
/** With fewer left than this, each command has them counted anew. */
const fewLeft = 100;
const maxKnown = 10_000;

/**
 * Limits how many executions of a user have not ended, in all sessions; 0 for any number. To count thousands of rows
 * takes milliseconds, for which others would wait too: while much is left a count serves for a second, with what this
 * server starts meanwhile. What other servers start in that second is seen after it.
 */
export class UserQuota {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #known = new Map<string, { open: number; readonly countedAt: number }>();

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Whether the user may have no more. */
  async isFull(tx: Database, userId: string): Promise<boolean> {
    if (this.#limit === 0) return false;
    const known = this.#known.get(userId);
    const isFresh = known !== undefined && this.#clock.now() - known.countedAt < freshMs;
    if (isFresh && this.#limit - known.open >= fewLeft) return false;
    const open = await countExecutionsOfUser(tx, userId, this.#limit);
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(userId, { open, countedAt: this.#clock.now() });
    return open >= this.#limit;
  }

  /** Says that the user has one more. */
  add(userId: string): void {
    const known = this.#known.get(userId);
    if (known !== undefined) known.open += 1;
  }

  /** What a user is told who may have no more. */
  refusal(): PaygentError {
    const sentence = `You have ${this.#limit} executions that have not ended, in all your sessions. Decide or cancel some of them first.`;
    return new PaygentError("quota_exceeded", sentence);
  }
}
