import type { Figure } from "./scenario.ts";

/** A table of figures, as Markdown. */
export function table(figures: readonly Figure[], { hasTargets }: { hasTargets: boolean }): string {
  const rows = figures.map((figure) => [
    figure.name,
    figure.unit,
    hasTargets ? targetOf(figure) : "",
    number(figure.ours),
    figure.baseline === undefined ? "" : number(figure.baseline),
    figure.baseline === undefined ? "" : (figure.ours / figure.baseline).toFixed(2),
    figure.load === undefined ? "" : `${percent(figure.load.server)} / ${percent(figure.load.clients)}`,
    hasTargets ? verdictOf(figure) : "",
    figure.note ?? "",
  ]);
  const head = ["figure", "unit", "target", "ours", "baseline", "ratio", "server / client CPU", "", "note"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function targetOf({ target }: Figure): string {
  return target === undefined ? "" : `${target.kind === "at most" ? "≤" : "≥"} ${number(target.value)}`;
}

function verdictOf({ target, ours }: Figure): string {
  if (target === undefined) return "";
  return (target.kind === "at most" ? ours <= target.value : ours >= target.value) ? "pass" : "MISS";
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
