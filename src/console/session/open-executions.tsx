import { useId } from "react";
import type { ExecutionView } from "../../react/index.ts";
import { plainText } from "../plain-text.ts";
import { ExecutionFigures } from "./execution-figures.tsx";

/** What has not ended, with Cancel: always in sight, wherever the timeline was scrolled to. */
export function OpenExecutions({
  executions,
  onCancel,
}: {
  readonly executions: readonly ExecutionView[];
  readonly onCancel: (executionId: string) => void;
}) {
  const open = executions.filter(({ endedAt }) => endedAt === undefined);
  if (open.length === 0) return null;
  return (
    <ul aria-label="Under way" className="max-h-24 shrink-0 overflow-y-auto border-line border-t bg-panel px-4 md:px-8">
      {open.map((execution) => (
        <OpenExecution
          key={execution.executionId}
          execution={execution}
          onCancel={() => onCancel(execution.executionId)}
        />
      ))}
    </ul>
  );
}

function OpenExecution({ execution, onCancel }: { readonly execution: ExecutionView; readonly onCancel: () => void }) {
  const id = useId();
  return (
    <li className="mx-auto flex max-w-4xl items-center gap-3 py-1">
      <span id={id} className="min-w-0 flex-1 truncate font-mono text-xs">
        {plainText(execution.command)}
      </span>
      <ExecutionFigures execution={execution} />
      <button
        type="button"
        aria-describedby={id}
        onClick={onCancel}
        className="min-h-7 rounded-md border border-line bg-panel px-2.5 font-medium text-bad text-xs hover:border-bad"
      >
        Cancel
      </button>
    </li>
  );
}
