import { type Database, LeavesGroup } from "./statement.ts";
import { Trips } from "./trips.ts";

type Unit<T> = (tx: Database) => Promise<T>;

/** Runs a unit in a transaction of its own, which may wait for what others hold. */
export type Alone = <T>(unit: Unit<T>) => Promise<T>;

interface Ways {
  /** Runs units side by side in one transaction; rejects when nobody can say what became of it. */
  group(units: readonly Unit<unknown>[]): Promise<PromiseSettledResult<unknown>[]>;
  readonly alone: Alone;
}

interface Pending {
  readonly sessionId: string;
  readonly unit: Unit<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const maxUnits = 64;

/** Commits together what is ready together, of different sessions. */
export class PostgresGroups {
  readonly #ways: Ways;
  readonly #trips: Trips<Pending>;
  /** Sessions of which a unit is under way: the next one must see what it changes. */
  readonly #busy = new Set<string>();

  constructor(ways: Ways) {
    this.#ways = ways;
    this.#trips = new Trips({ load: (waiting) => this.#load(waiting), travel: (group) => this.#run(group) });
  }

  write<T>(sessionId: string, unit: Unit<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // What a unit resolves to is what its promise is for.
      this.#trips.add({ sessionId, unit, resolve: resolve as Pending["resolve"], reject });
    });
  }

  #load(waiting: Pending[]): Pending[] {
    const group: Pending[] = [];
    for (const pending of waiting.splice(0)) {
      const isTaken = group.length < maxUnits && !this.#busy.has(pending.sessionId);
      if (isTaken) this.#busy.add(pending.sessionId);
      (isTaken ? group : waiting).push(pending);
    }
    return group;
  }

  async #run(group: readonly Pending[]): Promise<void> {
    const outcomes = await this.#outcomes(group);
    for (const [index, pending] of group.entries()) void this.#settle(pending, outcomes[index]);
  }

  async #outcomes(group: readonly Pending[]): Promise<PromiseSettledResult<unknown>[]> {
    try {
      return await this.#ways.group(group.map(({ unit }) => unit));
    } catch (reason) {
      // Nobody can say what became of it: it must not happen again.
      return group.map(() => ({ status: "rejected", reason }));
    }
  }

  async #settle({ sessionId, unit, resolve, reject }: Pending, outcome: PromiseSettledResult<unknown> | undefined) {
    try {
      if (outcome?.status === "fulfilled") resolve(outcome.value);
      else if (outcome?.reason instanceof LeavesGroup) resolve(await this.#ways.alone(unit));
      else reject(outcome?.reason);
    } catch (error) {
      reject(error);
    } finally {
      this.#busy.delete(sessionId);
      this.#trips.leave();
    }
  }
}
