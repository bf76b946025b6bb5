/** Where "now" comes from, in milliseconds since the epoch; injected so that tests own the time. */
export interface Clock {
  now(): number;
}

/** The time of this machine. */
export const systemClock: Clock = { now: () => Date.now() };

/** ISO 8601 in UTC with milliseconds, the only form in which a time is stored or sent. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
