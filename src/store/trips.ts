/** After this long a trip does not hold up the next one any more: it may wait for a row, or for a slow answer. */
const slowMs = 5;
const maxTrips = 4;

interface Options<Item> {
  /** Takes what may travel together from what waits, oldest first, and leaves the rest there. */
  load(waiting: Item[]): Item[];
  /** Never rejects. */
  travel(load: readonly Item[]): Promise<void>;
}

/**
 * Carries together what comes together: what arrives while a trip to the database is under way shares the next
 * one. A trip costs system calls, wake-ups and, where it commits, a wait for the disk, and it costs them once.
 */
export class Trips<Item> {
  readonly #options: Options<Item>;
  readonly #waiting: Item[] = [];
  #underWay = 0;
  #leftAt = 0;
  #isScheduled = false;
  #late: NodeJS.Timeout | undefined;

  constructor(options: Options<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.leave();
  }

  /** Lets what waits leave, if it may; for a load that had to stay behind, say so when it need not any more. */
  leave(): void {
    if (this.#isScheduled || this.#waiting.length === 0 || this.#underWay >= maxTrips) return;
    const waitMs = this.#underWay === 0 ? 0 : this.#leftAt + slowMs - performance.now();
    if (waitMs > 0) {
      this.#late ??= setTimeout(() => {
        this.#late = undefined;
        this.leave();
      }, waitMs);
      return;
    }
    this.#isScheduled = true;
    // With all that this turn of the event loop brings.
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#travel(this.#options.load(this.#waiting));
    });
  }

  async #travel(load: readonly Item[]): Promise<void> {
    if (load.length === 0) return;
    this.#underWay += 1;
    this.#leftAt = performance.now();
    // What was too much for this trip waits no longer than what comes now.
    this.leave();
    await this.#options.travel(load);
    this.#underWay -= 1;
    this.leave();
  }
}
