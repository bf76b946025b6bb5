import type { PlanStep } from "../../protocol/events.ts";
import type { Entry } from "../../react/index.ts";
import { duration } from "../format.ts";
import { plainText } from "../plain-text.ts";
import { CallEntry } from "./call-entry.tsx";

/** One entry of the timeline. */
export function EntryLine({
  entry,
  isOpen,
  onToggle,
}: {
  readonly entry: Entry;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  switch (entry.kind) {
    case "thinking":
      return (
        <p className="text-soft">
          Thinking, step {entry.step}
          {entry.totalSteps === undefined ? "" : ` of ${entry.totalSteps}`}…
        </p>
      );
    case "thought":
      return (
        <p className="whitespace-pre-wrap text-soft">
          {plainText(entry.text)}
          {entry.isLive ? <span aria-hidden="true">▍</span> : null}
        </p>
      );
    case "plan":
      return <Plan steps={entry.steps} />;
    case "call":
      return <CallEntry call={entry.call} isOpen={isOpen} onToggle={onToggle} />;
    case "subagent":
      return (
        <p>
          <strong className="font-semibold">{plainText(entry.subagentType)}</strong> starts: {plainText(entry.task)}
        </p>
      );
    case "subagent_end":
      return (
        <div>
          <p className={entry.success ? "whitespace-pre-wrap" : "whitespace-pre-wrap text-bad"}>
            {plainText(entry.text || (entry.error?.message ?? ""))}
          </p>
          <p className="text-soft text-xs">Subagent ended after {duration(entry.durationMs)}</p>
        </div>
      );
    case "complete":
      return (
        <div className="rounded-md bg-panel px-3 py-2 ring-1 ring-line">
          <p className="whitespace-pre-wrap">{plainText(entry.data.result.text)}</p>
          <p className="mt-1 text-soft text-xs">
            {entry.data.success ? "Done" : "Not done"} · {entry.data.total_cost} · {duration(entry.data.duration_ms)}
          </p>
        </div>
      );
    case "cancelled":
      return (
        <p>
          {plainText(entry.data.message)}{" "}
          <span className="text-soft">
            Cancelled by {plainText(entry.data.by)}; {entry.data.released_usd} USD released.
          </span>
        </p>
      );
    case "error":
      return (
        <p className="text-bad">
          {plainText(entry.data.message)} <span className="text-xs">({entry.data.code})</span>
        </p>
      );
  }
}

const marks = { pending: "○", in_progress: "◐", done: "✓", skipped: "–" } as const;
const words = { pending: "to do", in_progress: "in progress", done: "done", skipped: "skipped" } as const;

function Plan({ steps }: { readonly steps: readonly PlanStep[] }) {
  return (
    <ol aria-label="Plan">
      {steps.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a plan's steps are told by their place.
        <li key={index} className="flex gap-2">
          <span aria-hidden="true" className={step.status === "done" ? "text-good" : "text-soft"}>
            {marks[step.status]}
          </span>
          <span className={step.status === "skipped" ? "text-soft line-through" : ""}>{plainText(step.title)}</span>
          <span className="sr-only">{words[step.status]}</span>
        </li>
      ))}
    </ol>
  );
}
