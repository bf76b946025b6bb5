/** How long to wait between two attempts, in milliseconds. */
export interface ReconnectOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

export const defaultReconnect: ReconnectOptions = { baseMs: 250, maxMs: 10_000 };

/**
 * The wait before attempt `attempt` (0, 1, 2 …), with full jitter: clients that lost the same server
 * come back spread over the whole interval, not in waves. `random` is in [0, 1).
 */
export function reconnectDelayMs(attempt: number, options: ReconnectOptions, random: number): number {
  return Math.floor(random * Math.min(options.maxMs, options.baseMs * 2 ** attempt));
}
