import { useCallback, useMemo, useState } from "react";
import { Link } from "wouter";
import type { Budget, DurableEvent } from "../../protocol/events.ts";
import { type ExecutionView, foldEvents, type SessionView, useSession } from "../../react/index.ts";
import { BudgetGauge } from "../parts/budget-gauge.tsx";
import { Failure } from "../parts/failure.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty } from "../parts/screen.tsx";
import { ArchivedLine } from "../session/archived-line.tsx";
import { JsonBlock } from "../session/json-block.tsx";
import { Timeline } from "../session/timeline.tsx";
import { useTitle } from "../title.ts";
import { ExecutionChoice, Stepper } from "./stepper.tsx";
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
        <Heading sessionId={sessionId} budget={past.budget} />
        <ConnectionNotice connection={connection} />
        {event === undefined ? null : (
          <>
            <Stepper
              event={event}
              lastSeq={events.at(-1)?.seq}
              stepNumber={stepNumber}
              steps={places.length}
              onStep={setChosen}
            >
              <ExecutionChoice
                executions={executions}
                executionId={executionId}
                onChoose={(id) => {
                  setExecutionId(id);
                  setChosen(undefined);
                }}
              />
            </Stepper>
            <VerifyPanel sessionId={sessionId} onShow={show} />
          </>
        )}
      </div>
      <ArchivedLine sessionId={sessionId} firstSeq={firstSeq} />
      {event === undefined ? (
        <WithoutEvents connection={connection} isCaughtUp={isCaughtUp} firstSeq={firstSeq} />
      ) : (
        <Moment executions={shown} event={event} />
      )}
    </main>
  );
}

function Heading({ sessionId, budget }: { readonly sessionId: string; readonly budget: Budget | undefined }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
      <div>
        <h1 className="font-semibold">Log</h1>
        <Link href={`/sessions/${sessionId}`} className="text-accent text-xs underline">
          Back to the session
        </Link>
      </div>
      {budget === undefined ? null : <BudgetGauge budget={budget} />}
    </div>
  );
}

function ConnectionNotice({ connection }: Pick<SessionView, "connection">) {
  switch (connection.state) {
    case "closed":
      return <Failure error={connection.error ?? new Error("The connection was closed; load the page again.")} />;
    case "reconnecting":
      return <Notice look="warn">The server does not answer. What is here is what was read of the log before.</Notice>;
    case "connecting":
    case "open":
      return null;
  }
}

function WithoutEvents({
  connection,
  isCaughtUp,
  firstSeq,
}: Pick<SessionView, "connection" | "isCaughtUp" | "firstSeq">) {
  return (
    <div className="p-4 md:px-8">
      {connection.state === "open" && isCaughtUp ? (
        <Empty>Nothing has happened in this session {firstSeq === 1 ? "yet" : "lately"}.</Empty>
      ) : connection.state === "closed" ? null : (
        <p role="status" className="text-soft">
          Reading the log…
        </p>
      )}
    </div>
  );
}

/** What the session looked like then, beside the event that made it so. */
function Moment({
  executions,
  event,
}: {
  readonly executions: readonly ExecutionView[];
  readonly event: DurableEvent;
}) {
  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Timeline executions={executions} />
      </div>
      <div className="max-h-56 shrink-0 overflow-y-auto px-4 pb-3 md:px-8 lg:max-h-none lg:w-96 lg:border-line lg:border-l lg:px-4">
        <JsonBlock label={`Event ${event.seq}`} value={event} />
      </div>
    </div>
  );
}

function placesOf(events: readonly DurableEvent[], executionId: string): readonly number[] {
  return events.flatMap(({ data }, index) => {
    const isOfIt = executionId === "" || ("execution_id" in data && data.execution_id === executionId);
    return isOfIt ? [index + 1] : [];
  });
}
