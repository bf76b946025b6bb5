import type { ReactNode } from "react";

const looks = {
  info: "border-line bg-panel",
  good: "border-good bg-panel",
  warn: "border-warn bg-warn-panel",
  bad: "border-bad bg-panel text-bad",
} as const;

/** A sentence that wants attention; screen readers say it. */
export function Notice({
  look = "info",
  onDismiss,
  children,
}: {
  readonly look?: keyof typeof looks;
  readonly onDismiss?: () => void;
  readonly children: ReactNode;
}) {
  return (
    <div
      role={look === "bad" ? "alert" : "status"}
      className={`flex items-start justify-between gap-3 rounded-md border px-3 py-2 ${looks[look]}`}
    >
      <div className="min-w-0">{children}</div>
      {onDismiss === undefined ? null : (
        <button type="button" onClick={onDismiss} className="shrink-0 text-soft underline">
          Dismiss
        </button>
      )}
    </div>
  );
}
