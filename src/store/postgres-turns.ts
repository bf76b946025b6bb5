import pLimit, { type LimitFunction } from "p-limit";
import { crowded } from "./outage.ts";

/** Of the pool's connections, so many at most have a unit of their own: groups, reads and what is urgent find others. */
const atOnce = 8;
/** Some seconds' worth, and more than the runs of a server: whoever came behind these would wait for too long. */
const mostWaiting = 4000;

/** What is done for one user alone takes so few of these places, so that it never waits in front of everybody else. */
const ofUserAtOnce = 2;
const ofUserMostWaiting = 500;

/**
 * Units of their own wait for each other here, and not for a connection, which all others would wait for behind
 * them. Throws `unavailable` where too many wait.
 */
export class PostgresTurns {
  readonly #all = pLimit(atOnce);
  readonly #ofUsers = new Map<string, LimitFunction>();

  async take<T>(work: () => Promise<T>, userId?: string): Promise<T> {
    if (userId === undefined) return inTurn(this.#all, mostWaiting, work);
    const own = this.#ofUsers.get(userId) ?? pLimit(ofUserAtOnce);
    this.#ofUsers.set(userId, own);
    try {
      return await inTurn(own, ofUserMostWaiting, () => this.take(work));
    } finally {
      if (own.activeCount + own.pendingCount === 0) this.#ofUsers.delete(userId);
    }
  }
}

function inTurn<T>(places: LimitFunction, most: number, work: () => Promise<T>): Promise<T> {
  if (places.pendingCount >= most) throw crowded();
  return places(work);
}
