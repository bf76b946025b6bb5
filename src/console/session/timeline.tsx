import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Entry, ExecutionView } from "../../react/index.ts";
import { timeOfDay } from "../format.ts";
import { EntryLine } from "./entry-line.tsx";
import { ExecutionLine } from "./execution-line.tsx";

type Line =
  | { readonly key: string; readonly execution: ExecutionView; readonly entry?: undefined }
  | { readonly key: string; readonly execution: ExecutionView; readonly entry: Entry };

/** How near to the end the reader must be for the timeline to follow what is added. */
const followPixels = 80;

/** Executions and their entries; only the lines in sight are drawn. */
export function Timeline({
  executions,
  onCancel,
}: {
  readonly executions: readonly ExecutionView[];
  readonly onCancel?: (executionId: string) => void;
}) {
  const lines = useMemo(() => executions.flatMap(linesOf), [executions]);
  const scroller = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback((key: string) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  }, []);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 44,
    getItemKey: (index) => lines[index]?.key ?? index,
    overscan: 8,
  });
  const height = virtual.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: follows whenever what is below has grown.
  useEffect(() => {
    const element = scroller.current;
    if (element !== null && isFollowing.current) element.scrollTop = element.scrollHeight;
  }, [height, lines]);

  return (
    <section
      ref={scroller}
      aria-label="Timeline"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        isFollowing.current = scrollHeight - scrollTop - clientHeight < followPixels;
      }}
      className="min-h-0 flex-1 overflow-y-auto px-4 md:px-8"
    >
      <ol className="relative mx-auto max-w-4xl" style={{ height }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          const { execution, entry } = line;
          return (
            <li
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              aria-setsize={lines.length}
              aria-posinset={item.index + 1}
              className="absolute top-0 left-0 w-full py-1.5"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {entry === undefined ? (
                <ExecutionLine execution={execution} onCancel={onCancel && (() => onCancel(execution.executionId))} />
              ) : (
                <div className="flex gap-3">
                  <time
                    dateTime={entry.at}
                    className="hidden w-16 shrink-0 text-soft text-xs leading-5 tabular-nums sm:block"
                  >
                    {timeOfDay(entry.at)}
                  </time>
                  <div
                    className={`min-w-0 flex-1 ${entry.depth > 0 ? "border-line border-l-2 pl-3" : ""}`}
                    style={{ marginLeft: `${Math.max(0, entry.depth - 1)}rem` }}
                  >
                    <EntryLine entry={entry} isOpen={open.has(line.key)} onToggle={() => toggle(line.key)} />
                  </div>
                </div>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function linesOf(execution: ExecutionView): Line[] {
  const { executionId, entries } = execution;
  return [
    { key: executionId, execution },
    ...entries.map((entry) => ({ key: `${executionId} ${entry.key}`, execution, entry })),
  ];
}
