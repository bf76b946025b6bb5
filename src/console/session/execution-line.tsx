import type { ExecutionView } from "../../react/index.ts";
import { countdown, duration } from "../format.ts";
import { useNow } from "../parts/use-now.ts";
import { plainText } from "../plain-text.ts";
import { StatusWord } from "./status-word.tsx";

/** The head of an execution: its command, and what it has taken so far. */
export function ExecutionLine({
  execution,
  onCancel,
}: {
  readonly execution: ExecutionView;
  readonly onCancel: (() => void) | undefined;
}) {
  const { command, status, costUsd, startedAt, endedAt } = execution;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-t pt-3">
      <h2 className="min-w-0 flex-1 basis-60 font-mono font-semibold text-[13px]">{plainText(command)}</h2>
      <span className="flex items-center gap-3 text-soft text-xs tabular-nums">
        <StatusWord status={status} />
        <span>{costUsd} USD</span>
        {endedAt === undefined ? (
          <Running since={startedAt} />
        ) : (
          <span>{duration(Date.parse(endedAt) - Date.parse(startedAt))}</span>
        )}
        {onCancel === undefined || endedAt !== undefined ? null : (
          <button
            type="button"
            onClick={onCancel}
            className="min-h-6 rounded-md border border-line bg-panel px-2 font-medium text-bad hover:border-bad"
          >
            Cancel
          </button>
        )}
      </span>
    </div>
  );
}

function Running({ since }: { readonly since: string }) {
  return <span>{countdown(Math.floor((useNow() - Date.parse(since)) / 1000) * 1000)}</span>;
}
