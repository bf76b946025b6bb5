import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Entry, ExecutionView } from "../../react/index.ts";
import { timeOfDay } from "../format.ts";
import { EntryLine } from "./entry-line.tsx";
import { ExecutionLine } from "./execution-line.tsx";

type Line = { readonly key: string } & (
  | { readonly execution: ExecutionView }
  | { readonly entry: Entry; readonly execution?: undefined }
);

/** How near to the end the reader must be for the timeline to follow what is added. */
const followPixels = 80;

/** Executions and their entries; only the lines in sight are drawn, and a line is drawn anew when it changed. */
export function Timeline({ executions }: { readonly executions: readonly ExecutionView[] }) {
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
    // That of a call, which most lines are; a good guess leaves little to put right while it is scrolled.
    estimateSize: () => 33,
    // With another function every place is reckoned anew, so it stays the same while it is scrolled.
    getItemKey: useCallback((index: number) => lines[index]?.key ?? index, [lines]),
    overscan: 8,
  });
  const height = virtual.getTotalSize();
  const inSight = virtual.getVirtualItems();
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
      data-after-cards=""
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        isFollowing.current = scrollHeight - scrollTop - clientHeight < followPixels;
      }}
      className="-outline-offset-2 min-h-0 flex-1 overflow-y-auto px-4 md:px-8"
    >
      {/* Lines follow each other as in any text: one that grows pushes the next down before anything is measured. */}
      <ol className="mx-auto box-border max-w-4xl" style={{ height, paddingTop: inSight[0]?.start ?? 0 }}>
        {inSight.map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          return (
            <li
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              aria-setsize={lines.length}
              aria-posinset={item.index + 1}
              className="py-1.5"
            >
              {line.execution === undefined ? (
                <TimedEntry lineKey={line.key} entry={line.entry} isOpen={open.has(line.key)} onToggle={toggle} />
              ) : (
                <ExecutionLine execution={line.execution} />
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

const TimedEntry = memo(function TimedEntry({
  lineKey,
  entry,
  isOpen,
  onToggle,
}: {
  readonly lineKey: string;
  readonly entry: Entry;
  readonly isOpen: boolean;
  readonly onToggle: (key: string) => void;
}) {
  return (
    <div className="flex gap-3">
      <time dateTime={entry.at} className="hidden w-16 shrink-0 text-soft text-xs leading-5 tabular-nums sm:block">
        {timeOfDay(entry.at)}
      </time>
      <div
        className={`min-w-0 flex-1 ${entry.depth > 0 ? "border-line border-l-2 pl-3" : ""}`}
        style={{ marginLeft: `${Math.max(0, entry.depth - 1)}rem` }}
      >
        <EntryLine entry={entry} isOpen={isOpen} onToggle={() => onToggle(lineKey)} />
      </div>
    </div>
  );
});

/** The line of what did not change stays the same object, however long the timeline is. */
const known = new WeakMap<Entry, Line>();

function linesOf(execution: ExecutionView): Line[] {
  const { executionId } = execution;
  const lines: Line[] = [{ key: executionId, execution }];
  for (const entry of execution.entries) {
    const line = known.get(entry) ?? { key: `${executionId} ${entry.key}`, entry };
    known.set(entry, line);
    lines.push(line);
  }
  return lines;
}
