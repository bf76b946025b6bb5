import { PaygentError } from "../protocol/errors.ts";
import type { SocketSubject } from "../store/socket-counts.ts";
import { networkOf } from "./network-of.ts";

const retryAfterSeconds = 10;

/** How many sockets may be open at once; 0 is any number. */
export interface SocketLimits {
  readonly socketsPerUser: number;
  readonly socketsPerAddress: number;
}

/** Where a socket comes from. */
export interface SocketOwner {
  readonly userId: string;
  readonly address: string;
}

/** Somebody of whom only so many sockets may be open. */
export interface LimitedSubject extends SocketSubject {
  readonly limit: number;
}

/** Counts the sockets that are open. */
export interface SocketPlaces {
  /**
   * Takes a place and gives what hands it back, once. Throws `rate_limited` when there is none, and
   * `unavailable` when nobody knows.
   */
  take(owner: SocketOwner): Promise<() => void>;
}

export function subjectsOf({ userId, address }: SocketOwner, limits: SocketLimits): LimitedSubject[] {
  const subjects: LimitedSubject[] = [
    { kind: "user", name: userId, limit: limits.socketsPerUser },
    { kind: "address", name: networkOf(address), limit: limits.socketsPerAddress },
  ];
  return subjects.filter(({ limit }) => limit > 0);
}

export const keyOf = ({ kind, name }: SocketSubject): string => `${kind} ${name}`;

export function noPlace({ kind, limit }: LimitedSubject): PaygentError {
  const whose = kind === "user" ? "You have" : "Your address has";
  return new PaygentError("rate_limited", `${whose} ${limit} connections open; close some of them first.`, {
    details: { retry_after_s: retryAfterSeconds },
  });
}

/** Open sockets by whose they are. */
export class SocketTally {
  readonly #counts = new Map<string, { readonly subject: LimitedSubject; sockets: number }>();

  countOf(subject: SocketSubject): number {
    return this.#counts.get(keyOf(subject))?.sockets ?? 0;
  }

  /** One of the subjects that is at its limit here alone. */
  fullOne(subjects: readonly LimitedSubject[]): LimitedSubject | undefined {
    return subjects.find((subject) => this.countOf(subject) >= subject.limit);
  }

  add(subjects: readonly LimitedSubject[]): void {
    for (const subject of subjects) {
      const key = keyOf(subject);
      const count = this.#counts.get(key);
      if (count === undefined) this.#counts.set(key, { subject, sockets: 1 });
      else count.sockets += 1;
    }
  }

  remove(subjects: readonly LimitedSubject[]): void {
    for (const subject of subjects) {
      const key = keyOf(subject);
      const count = this.#counts.get(key);
      if (count === undefined) continue;
      count.sockets -= 1;
      if (count.sockets === 0) this.#counts.delete(key);
    }
  }

  subjects(): LimitedSubject[] {
    return [...this.#counts.values()].map(({ subject }) => subject);
  }
}

/** For the one server of a store. */
export class LocalPlaces implements SocketPlaces {
  readonly #limits: SocketLimits;
  readonly #open = new SocketTally();

  constructor(limits: SocketLimits) {
    this.#limits = limits;
  }

  async take(owner: SocketOwner): Promise<() => void> {
    const subjects = subjectsOf(owner, this.#limits);
    const full = this.#open.fullOne(subjects);
    if (full !== undefined) throw noPlace(full);
    this.#open.add(subjects);
    return () => this.#open.remove(subjects);
  }
}
