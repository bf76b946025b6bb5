import { useMemo, useState } from "react";
import { Link } from "wouter";
import { foldEvents, useSession } from "../../react/index.ts";
import { dateAndTime } from "../format.ts";
import { BudgetGauge } from "../parts/budget-gauge.tsx";
import { Button } from "../parts/button.tsx";
import { JsonBlock } from "../session/json-block.tsx";
import { Timeline } from "../session/timeline.tsx";

/** A session's log, event by event: what it looked like after each of them. */
export function LogScreen({ sessionId }: { readonly sessionId: string }) {
  const { events, connection } = useSession(sessionId);
  const [chosen, setChosen] = useState<number>();
  const place = Math.min(chosen ?? events.length, events.length);
  const past = useMemo(() => foldEvents(events.slice(0, place)), [events, place]);
  const event = events[place - 1];
  const step = (by: number) => setChosen(Math.max(1, Math.min(events.length, place + by)));
  return (
    <main className="flex h-full min-h-0 flex-col">
      <div className="border-line border-b bg-panel px-4 py-2 md:px-8">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h1 className="font-semibold">Log</h1>
          <Link href={`/sessions/${sessionId}`} className="text-accent text-xs underline">
            Back to the session
          </Link>
          {past.budget === undefined ? null : <BudgetGauge budget={past.budget} />}
        </div>
        {connection.state === "closed" ? <p className="text-bad">{connection.error?.message}</p> : null}
        {event === undefined ? (
          <p className="text-soft">{connection.state === "open" ? "Nothing has happened here yet." : "Reading…"}</p>
        ) : (
          <>
            <div className="mt-2 flex items-center gap-2">
              <Button onClick={() => step(-1)} disabled={place <= 1}>
                Earlier
              </Button>
              <input
                type="range"
                aria-label="Moment"
                aria-valuetext={`event ${place} of ${events.length}, ${event.type}`}
                min={1}
                max={events.length}
                value={place}
                onChange={({ target }) => setChosen(Number(target.value))}
                className="min-w-0 flex-1 accent-accent"
              />
              <Button onClick={() => step(1)} disabled={place >= events.length}>
                Later
              </Button>
            </div>
            <p className="mt-1 text-soft text-xs tabular-nums" role="status">
              Event {event.seq} of {events.length}: <code className="font-mono text-ink">{event.type}</code>,{" "}
              {dateAndTime(event.timestamp)}
            </p>
          </>
        )}
      </div>
      <Timeline executions={past.executions} />
      {event === undefined ? null : (
        <div className="max-h-72 overflow-y-auto px-4 pb-3 md:px-8">
          <JsonBlock label={`Event ${event.seq}`} value={event} />
          <p className="mt-1 text-soft text-xs">
            That nothing of this log was altered can be checked anywhere:{" "}
            <code className="font-mono">npx paygent verify {sessionId}</code>
          </p>
        </div>
      )}
    </main>
  );
}
