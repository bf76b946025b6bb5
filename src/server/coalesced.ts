import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Work that is done once for all who asked for it in a turn of the event loop, or while it was being done, and
 * never twice at once.
 */
export class Coalesced {
  /** Must not reject. */
  readonly #work: () => Promise<void>;
  #isDue = false;
  #running: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  wake(): void {
    this.#isDue = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being done, or asked for. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isDue) {
      await nextTurn();
      this.#isDue = false;
      await this.#work();
    }
    this.#running = undefined;
  }
}
