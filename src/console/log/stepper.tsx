import type { ReactNode } from "react";
import type { DurableEvent } from "../../protocol/events.ts";
import type { ExecutionView } from "../../react/index.ts";
import { dateAndTime } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Select } from "../parts/select.tsx";
import { plainText } from "../plain-text.ts";

/** Where in the log one stands, and the ways to another of its moments. */
export function Stepper({
  event,
  lastSeq,
  stepNumber,
  steps,
  onStep,
  children,
}: {
  readonly event: DurableEvent;
  readonly lastSeq: number | undefined;
  /** From 1 to `steps`. */
  readonly stepNumber: number;
  readonly steps: number;
  readonly onStep: (stepNumber: number) => void;
  /** What stands before the steps: which of them there are. */
  readonly children: ReactNode;
}) {
  return (
    <>
      <div className="mt-2 flex flex-wrap items-end gap-2">
        {children}
        <Button onClick={() => onStep(stepNumber - 1)} disabled={stepNumber <= 1}>
          Earlier
        </Button>
        <input
          type="range"
          aria-label="Moment"
          aria-valuetext={`event ${event.seq} of ${lastSeq}, ${event.type}`}
          min={1}
          max={steps}
          value={stepNumber}
          onChange={({ target }) => onStep(Number(target.value))}
          className="h-8 min-w-24 flex-1 accent-accent"
        />
        <Button onClick={() => onStep(stepNumber + 1)} disabled={stepNumber >= steps}>
          Later
        </Button>
      </div>
      <p className="mt-1 text-soft text-xs tabular-nums" role="status">
        Event {event.seq} of {lastSeq}: <code className="font-mono text-ink">{event.type}</code>,{" "}
        {dateAndTime(event.timestamp)}
      </p>
    </>
  );
}

/** Chooses the execution that is stepped through; none for the whole session. */
export function ExecutionChoice({
  executions,
  executionId,
  onChoose,
}: {
  readonly executions: readonly ExecutionView[];
  readonly executionId: string;
  readonly onChoose: (executionId: string) => void;
}) {
  return (
    <Select
      label="Execution"
      value={executionId}
      className="w-full sm:w-56"
      onChange={({ target }) => onChoose(target.value)}
      options={[
        ["", "all of the session"],
        ...executions.map((one) => [one.executionId, plainText(one.command)] as const),
      ]}
    />
  );
}
