import { memo } from "react";
import type { ExecutionView } from "../../react/index.ts";
import { plainText } from "../plain-text.ts";
import { ExecutionFigures } from "./execution-figures.tsx";

/** The head of an execution: its command, and what it has taken so far. */
export const ExecutionLine = memo(function ExecutionLine({ execution }: { readonly execution: ExecutionView }) {
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-t pt-3">
      <h2 className="min-w-0 flex-1 basis-60 font-mono font-semibold text-[13px]">{plainText(execution.command)}</h2>
      <ExecutionFigures execution={execution} />
    </div>
  );
});
