import { useCallback, useMemo, useState } from "react";
import { Link } from "wouter";
import type { DurableEvent } from "../../protocol/events.ts";
import { foldEvents, useSession } from "../../react/index.ts";
import { dateAndTime } from "../format.ts";
import { BudgetGauge } from "../parts/budget-gauge.tsx";
import { Button } from "../parts/button.tsx";
import { Failure } from "../parts/failure.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty } from "../parts/screen.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";
import { ArchivedLine } from "../session/archived-line.tsx";
import { JsonBlock } from "../session/json-block.tsx";
import { Timeline } from "../session/timeline.tsx";
import { useTitle } from "../title.ts";
import { useStepKeys } from "./use-step-keys.ts";
import { VerifyPanel } from "./verify-panel.tsx";

/** A session's log, event by event: what it looked like after each of them, and whether it is as it was written. */
export function LogScreen({ sessionId }: { readonly sessionId: string }) {
  const { events, executions, connection, isCaughtUp, firstSeq } = useSession(sessionId);
  const [executionId, setExecutionId] = useState("");
  const [chosen, setChosen] = useState<number>();
  useTitle("Log");

  /** The places in the log that are stepped through: of all events, or of one execution's. */
  const places = useMemo(() => placesOf(events, executionId), [events, executionId]);
  const stepNumber = Math.min(chosen ?? places.length, places.length);
  const place = places[stepNumber - 1] ?? 0;
  const past = useMemo(() => foldEvents(events.slice(0, place)), [events, place]);
  const shown = executionId === "" ? past.executions : past.executions.filter((one) => one.executionId === executionId);
  const event = events[place - 1];

  const step = useCallback(
    (by: number) => setChosen(Math.max(1, Math.min(places.length, stepNumber + by))),
    [places, stepNumber],
  );
  useStepKeys(step);
  const show = (seq: number) => {
    setExecutionId("");
    setChosen(Math.max(1, events.findLastIndex((each) => each.seq <= seq) + 1));
  };
  return (
    <main className="flex h-full min-h-0 flex-col">
      <div className="shrink-0 border-line border-b bg-panel px-4 py-2 md:px-8">
        <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
          <div>
            <h1 className="font-semibold">Log</h1>
            <Link href={`/sessions/${sessionId}`} className="text-accent text-xs underline">
              Back to the session
            </Link>
          </div>
          {past.budget === undefined ? null : <BudgetGauge budget={past.budget} />}
        </div>
        {connection.state === "closed" ? (
          <Failure error={connection.error ?? new Error("The connection was closed; load the page again.")} />
        ) : connection.state === "reconnecting" ? (
          <Notice look="warn">The server does not answer. What is here is what was read of the log before.</Notice>
        ) : null}
        {event === undefined ? null : (
          <>
            <div className="mt-2 flex flex-wrap items-end gap-2">
              <Select
                label="Execution"
                value={executionId}
                className="w-full sm:w-56"
                onChange={({ target }) => {
                  setExecutionId(target.value);
                  setChosen(undefined);
                }}
                options={[
                  ["", "all of the session"],
                  ...executions.map((one) => [one.executionId, plainText(one.command)] as const),
                ]}
              />
              <Button onClick={() => step(-1)} disabled={stepNumber <= 1}>
                Earlier
              </Button>
              <input
                type="range"
                aria-label="Moment"
                aria-valuetext={`event ${event.seq} of ${events.at(-1)?.seq}, ${event.type}`}
                min={1}
                max={places.length}
                value={stepNumber}
                onChange={({ target }) => setChosen(Number(target.value))}
                className="h-8 min-w-24 flex-1 accent-accent"
              />
              <Button onClick={() => step(1)} disabled={stepNumber >= places.length}>
                Later
              </Button>
            </div>
            <p className="mt-1 text-soft text-xs tabular-nums" role="status">
              Event {event.seq} of {events.at(-1)?.seq}: <code className="font-mono text-ink">{event.type}</code>,{" "}
              {dateAndTime(event.timestamp)}
            </p>
            <VerifyPanel sessionId={sessionId} onShow={show} />
          </>
        )}
      </div>
      <ArchivedLine sessionId={sessionId} firstSeq={firstSeq} />
      {event === undefined ? (
        <div className="p-4 md:px-8">
          {connection.state === "open" && isCaughtUp ? (
            <Empty>Nothing has happened in this session {firstSeq === 1 ? "yet" : "lately"}.</Empty>
          ) : connection.state === "closed" ? null : (
            <p role="status" className="text-soft">
              Reading the log…
            </p>
          )}
        </div>
      ) : (
        <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
          <div className="flex min-h-0 min-w-0 flex-1 flex-col">
            <Timeline executions={shown} />
          </div>
          <div className="max-h-56 shrink-0 overflow-y-auto px-4 pb-3 md:px-8 lg:max-h-none lg:w-96 lg:border-line lg:border-l lg:px-4">
            <JsonBlock label={`Event ${event.seq}`} value={event} />
          </div>
        </div>
      )}
    </main>
  );
}

function placesOf(events: readonly DurableEvent[], executionId: string): readonly number[] {
  return events.flatMap(({ data }, index) => {
    const isOfIt = executionId === "" || ("execution_id" in data && data.execution_id === executionId);
    return isOfIt ? [index + 1] : [];
  });
}
