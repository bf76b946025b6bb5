import { Socket } from "node:net";

/**
 * Writes in one go what one turn of the event loop wrote: the statements of a unit that are sent together cost one
 * system call instead of one each.
 */
export class BatchingSocket extends Socket {
  #isCorked = false;

  override cork(): void {
    super.cork();
    if (this.#isCorked) return;
    // Once more than whoever asks for it takes back.
    this.#isCorked = true;
    super.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.uncork();
    });
  }
}
