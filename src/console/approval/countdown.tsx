import { countdown } from "../format.ts";
import { useNow } from "../parts/use-now.ts";

/** When it is time to hurry. */
const soonMs = 60_000;

/** How long a request still waits. */
export function Countdown({ until }: { readonly until: string }) {
  const left = Date.parse(until) - useNow();
  const look = left < soonMs ? "font-semibold text-bad" : "text-soft";
  return (
    <span role="timer" className={`text-xs tabular-nums ${look}`}>
      {left <= 0 ? "expired" : `expires in ${countdown(left)}`}
    </span>
  );
}
