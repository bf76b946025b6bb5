import type { FastifyBaseLogger } from "fastify";
import { type Clock, isoTime } from "../runtime/clock.ts";
import { countSockets, dropUncounted, socketsSaid } from "../store/socket-counts.ts";
import type { Database } from "../store/statement.ts";
import { Coalesced } from "./coalesced.ts";
import {
  keyOf,
  type LimitedSubject,
  noPlace,
  type SocketLimits,
  type SocketOwner,
  type SocketPlaces,
  SocketTally,
  subjectsOf,
} from "./socket-places.ts";
import { Waiter } from "./waiter.ts";

const maxArrivals = 250;
const maxSubjects = 500;

interface Arrival {
  readonly subjects: readonly LimitedSubject[];
  readonly waiter: Waiter<void>;
}

export interface SharedPlacesOptions {
  readonly store: { readonly db: Database };
  readonly clock: Clock;
  readonly log: Pick<FastifyBaseLogger, "warn">;
  readonly nodeId: string;
  readonly leaseMs: number;
  readonly limits: SocketLimits;
}

/**
 * Counts with the other servers of a database. A server says how many sockets it will have of each subject and
 * is told how many the others have, in one statement for all that come in a turn, or while one is under way;
 * whoever finds no place is refused, and what was said too much is said anew. What a server that is silent beyond
 * its lease has said does not count.
 */
export class SharedPlaces implements SocketPlaces {
  readonly #options: SharedPlacesOptions;
  /** What is open here. */
  readonly #open = new SocketTally();
  #arrivals: Arrival[] = [];
  /** Of what the database may hold another number than is open here. */
  readonly #unsaid = new Map<string, LimitedSubject>();
  readonly #saying = new Coalesced(() => this.#say());
  readonly #timer: NodeJS.Timeout;

  constructor(options: SharedPlacesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#compare(), options.leaseMs);
    this.#timer.unref();
  }

  async take(owner: SocketOwner): Promise<() => void> {
    const subjects = subjectsOf(owner, this.#options.limits);
    // What is full here alone needs no question.
    const full = this.#open.fullOne(subjects);
    if (full !== undefined) throw noPlace(full);
    if (subjects.length > 0) {
      const waiter = new Waiter<void>();
      this.#arrivals.push({ subjects, waiter });
      this.#saying.wake();
      await waiter.answer;
    }
    return () => this.#leave(subjects);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#saying.wake();
    await this.#saying.idle();
  }

  #leave(subjects: readonly LimitedSubject[]): void {
    this.#open.remove(subjects);
    this.#mark(subjects);
    this.#saying.wake();
  }

  #mark(subjects: readonly LimitedSubject[]): void {
    for (const subject of subjects) this.#unsaid.set(keyOf(subject), subject);
  }

  /** Says what has changed, and lets in who has a place then. */
  async #say(): Promise<void> {
    const arrivals = this.#arrivals.splice(0, maxArrivals);
    const said = new Map<string, { subject: LimitedSubject; open: number; sockets: number }>();
    const mention = (subject: LimitedSubject) => {
      const open = this.#open.countOf(subject);
      const mentioned = said.get(keyOf(subject)) ?? { subject, open, sockets: open };
      said.set(keyOf(subject), mentioned);
      return mentioned;
    };
    for (const { subjects } of arrivals) for (const subject of subjects) mention(subject).sockets += 1;
    for (const subject of this.#unsaid.values()) if (said.size < maxSubjects) mention(subject);
    for (const key of said.keys()) this.#unsaid.delete(key);
    if (said.size === 0) return;

    const all = [...said.values()];
    try {
      const room = new Map<string, number>();
      const others = await this.#tell(all);
      for (const [index, { subject, open }] of all.entries()) {
        room.set(keyOf(subject), subject.limit - open - (others[index] ?? 0));
      }
      for (const arrival of arrivals) this.#admit(arrival, room);
      await this.#dropEmpty(all);
    } catch (error) {
      // Nobody knows whether it was heard.
      this.#mark(all.map(({ subject }) => subject));
      for (const { waiter } of arrivals) if (!waiter.isGone) waiter.fail(error);
      // What is unsaid waits for who comes next, or for the next comparison, rather than ask in a circle.
      if (this.#arrivals.length > 0) this.#saying.wake();
      return;
    }
    if (this.#arrivals.length > 0 || this.#unsaid.size > 0) this.#saying.wake();
  }

  #tell(all: readonly { subject: LimitedSubject; sockets: number }[]): Promise<number[]> {
    const { store, clock, nodeId, leaseMs } = this.#options;
    const node = { id: nodeId, aliveSince: isoTime(clock.now() - leaseMs) };
    const counts = all.map(({ subject: { kind, name }, sockets }) => ({ kind, name, sockets }));
    return countSockets(store.db, node, counts);
  }

  #admit({ subjects, waiter }: Arrival, room: Map<string, number>): void {
    const full = subjects.find((subject) => (room.get(keyOf(subject)) ?? 0) <= 0);
    if (full !== undefined || waiter.isGone) {
      this.#mark(subjects);
      if (full !== undefined) waiter.fail(noPlace(full));
      return;
    }
    for (const subject of subjects) room.set(keyOf(subject), (room.get(keyOf(subject)) ?? 0) - 1);
    this.#open.add(subjects);
    waiter.give();
  }

  async #dropEmpty(all: readonly { subject: LimitedSubject; sockets: number }[]): Promise<void> {
    const empty = all.filter(({ sockets }) => sockets === 0).map(({ subject }) => subject);
    if (empty.length > 0) await dropUncounted(this.#options.store.db, empty);
  }

  /** Finds what the database lost, or never heard, of what is open here: once a lease. */
  async #compare(): Promise<void> {
    const { store, nodeId, log } = this.#options;
    try {
      const subjects = this.#open.subjects();
      for (let from = 0; from < subjects.length; from += maxSubjects) {
        const some = subjects.slice(from, from + maxSubjects);
        const said = await socketsSaid(store.db, nodeId, some);
        this.#mark(some.filter((subject, index) => said[index] !== this.#open.countOf(subject)));
      }
    } catch (error) {
      log.warn({ err: error }, "the counts of sockets could not be compared");
    }
    if (this.#unsaid.size > 0) this.#saying.wake();
  }
}
