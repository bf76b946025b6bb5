import type { RunPlace } from "./dispatcher.ts";

/** How many runs a node may have at once. */
export class RunPlaces {
  readonly #most: number;
  readonly #countRuns: () => number;
  /** How many places commands have taken whose runs have not begun. */
  #promised = 0;
  /** Whether something waits for a place, here or on another node. */
  isCrowded = false;

  constructor(most: number, countRuns: () => number) {
    this.#most = most;
    this.#countRuns = countRuns;
  }

  get free(): number {
    return this.#most - this.#countRuns() - this.#promised;
  }

  /** Whether there is a free one; who finds none is taken to wait for it. */
  hasFree(): boolean {
    const hasFree = this.free > 0;
    if (!hasFree) this.isCrowded = true;
    return hasFree;
  }

  /** A newcomer gets none before those who wait already. */
  forCommand({ isNewcomer = false } = {}): RunPlace {
    let isTaken = false;
    return {
      take: () => {
        if (isTaken || (isNewcomer && this.isCrowded) || !this.hasFree()) return isTaken;
        isTaken = true;
        this.#promised += 1;
        return true;
      },
      [Symbol.dispose]: () => {
        if (isTaken) this.#promised -= 1;
      },
    };
  }
}
