/** `0:05`, `12:40`, `2:03:00`: what is left of a time. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return countdown(ms);
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const calendar = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** The time of day, where the reader is. */
export function timeOfDay(iso: string): string {
  return clock.format(new Date(iso));
}

export function dateAndTime(iso: string): string {
  return calendar.format(new Date(iso));
}

/** The part of `whole` that `part` is, in percent, for drawing only. */
export function percent(part: string, whole: string): number {
  const value = (Number(part) / Number(whole)) * 100;
  return Number.isFinite(value) ? Math.min(100, Math.max(0, value)) : 0;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
