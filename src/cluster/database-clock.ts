import type { Clock } from "../runtime/clock.ts";
import { databaseTime } from "../store/database-time.ts";
import type { Database } from "../store/statement.ts";

const samples = 3;
const correctEveryMs = 10_000;

/**
 * The database's time, so that all nodes have the same one whatever their own clocks say. Between two looks
 * at the database it follows the machine's steady clock, which nobody sets.
 */
export async function databaseClock(db: Database): Promise<Clock & { close(): void }> {
  let offset = await measure(db);
  const timer = setInterval(() => {
    // A database that does not answer leaves the clock as it is; the next look corrects it.
    void measure(db).then(
      (measured) => {
        offset = measured;
      },
      () => undefined,
    );
  }, correctEveryMs);
  timer.unref();
  return {
    now: () => Math.floor(performance.now() + offset),
    close: () => clearInterval(timer),
  };
}

/** What to add to the steady clock, from the quickest of a few answers. */
async function measure(db: Database): Promise<number> {
  let best = { took: Number.POSITIVE_INFINITY, offset: 0 };
  for (let sample = 0; sample < samples; sample++) {
    const asked = performance.now();
    const time = await databaseTime(db);
    const answered = performance.now();
    const took = answered - asked;
    if (took < best.took) best = { took, offset: time - (asked + answered) / 2 };
  }
  return best.offset;
}
