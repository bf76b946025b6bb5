import type { CallStatus, ExecutionViewStatus } from "../../react/index.ts";

const colors: Readonly<Record<CallStatus | ExecutionViewStatus, string>> = {
  queued: "text-soft",
  running: "text-accent",
  waiting: "text-warn",
  succeeded: "text-good",
  completed: "text-good",
  failed: "text-bad",
  refused: "text-bad",
  cancelled: "text-soft",
};

/** A state in a word; the colour only repeats it. */
export function StatusWord({ status }: { readonly status: CallStatus | ExecutionViewStatus }) {
  return <span className={`font-medium text-xs ${colors[status]}`}>{status}</span>;
}
