import { setTimeout as delay } from "node:timers/promises";

/** The work's outcome; rejects when it takes longer than that, and leaves it behind. */
export function answerWithin<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const late = delay(timeoutMs, undefined, { ref: false }).then(() => {
    throw new Error(`There was no answer within ${timeoutMs} ms.`);
  });
  return Promise.race([work, late]);
}
