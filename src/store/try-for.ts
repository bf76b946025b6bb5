import { setTimeout as delay } from "node:timers/promises";

const firstPauseMs = 100;
const longestPauseMs = 2000;

/**
 * Tries again, less and less often, what fails for a reason that may pass. Rejects with the last error when the
 * time is over; `onFirstFailure` is told when the waiting begins.
 */
export async function tryFor<T>(
  timeoutMs: number,
  attempt: () => Promise<T>,
  { mayPass, onFirstFailure }: { mayPass(error: unknown): boolean; onFirstFailure?(error: unknown): void },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      const leftMs = deadline - performance.now();
      if (!mayPass(error) || leftMs <= 0) throw error;
      if (pauseMs === firstPauseMs) onFirstFailure?.(error);
      await delay(Math.min(pauseMs, leftMs));
    }
  }
}
