import type { ExecutionView } from "../../react/index.ts";
import { countdown, duration } from "../format.ts";
import { useNow } from "../parts/use-now.ts";
import { StatusWord } from "./status-word.tsx";

/** How an execution stands, what it has cost, and how long it has taken. */
export function ExecutionFigures({ execution }: { readonly execution: ExecutionView }) {
  const { status, costUsd, startedAt, endedAt } = execution;
  return (
    <span className="flex items-center gap-3 text-soft text-xs tabular-nums">
      <StatusWord status={status} />
      <span>{costUsd} USD</span>
      {endedAt === undefined ? (
        <Running since={startedAt} />
      ) : (
        <span>{duration(Date.parse(endedAt) - Date.parse(startedAt))}</span>
      )}
    </span>
  );
}

function Running({ since }: { readonly since: string }) {
  return <span>{countdown(Math.floor((useNow() - Date.parse(since)) / 1000) * 1000)}</span>;
}
