import { useEffect, useRef, useSyncExternalStore } from "react";
import uPlot from "uplot";
import type { PaymentSum } from "../../protocol/payment-totals.ts";
import "uplot/dist/uPlot.min.css";

const dayMs = 86_400_000;
const height = 190;
/** A budget far above all bars would press them flat; then it is told and not drawn. */
const drawnUpTo = 4;

/** Bars of what was spent and set aside on each of the last days. The table below says the same in words. */
export function DayChart({
  sums,
  days,
  limit,
}: {
  readonly sums: readonly PaymentSum[];
  readonly days: number;
  readonly limit: string | undefined;
}) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useSyncExternalStore(onColorScheme, () => colorScheme.matches);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another colour scheme draws it anew.
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const chart = new uPlot(optionsFor(element.clientWidth), seriesOf(sums, days, limit), element);
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [sums, days, limit, isDark]);
  return <div ref={place} aria-hidden="true" className="w-full overflow-hidden" />;
}

const dayName = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const colorScheme = matchMedia("(prefers-color-scheme: dark)");

function onColorScheme(listener: () => void): () => void {
  colorScheme.addEventListener("change", listener);
  return () => colorScheme.removeEventListener("change", listener);
}

/** Whether the budget of a day is a line in the chart. */
export function isDrawn(limit: string | undefined, sums: readonly PaymentSum[]): limit is string {
  const most = Math.max(...sums.map(({ settled_usd, pending_usd }) => Number(settled_usd) + Number(pending_usd)));
  return limit !== undefined && Number(limit) <= most * drawnUpTo;
}

function seriesOf(sums: readonly PaymentSum[], days: number, limit: string | undefined): uPlot.AlignedData {
  const known = new Map(sums.map((sum) => [sum.key, sum]));
  const today = Math.floor(Date.now() / dayMs);
  const shown = Array.from({ length: days }, (_, index) => today - days + 1 + index);
  const ofDay = shown.map((day) => known.get(new Date(day * dayMs).toISOString().slice(0, 10)));
  const spent = ofDay.map((sum) => Number(sum?.settled_usd ?? 0));
  // Behind the bars of what is spent stand those of both together.
  const both = ofDay.map((sum, index) => (spent[index] ?? 0) + Number(sum?.pending_usd ?? 0));
  const budget = isDrawn(limit, sums) ? Number(limit) : null;
  return [shown.map((day) => day * 86_400), both, spent, shown.map(() => budget)];
}

function optionsFor(width: number): uPlot.Options {
  const styles = getComputedStyle(document.documentElement);
  const color = (name: string) => styles.getPropertyValue(name).trim();
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const paths = uPlot.paths.bars?.({ size: [0.7, 40] });
  const bars = { width: 0, points: { show: false }, ...(paths === undefined ? {} : { paths }) };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: { range: (_chart, _min, max) => [0, Math.max(max, 1) * 1.1] } },
    series: [
      {},
      { ...bars, fill: color("--warn") },
      { ...bars, fill: color("--accent") },
      { stroke: color("--bad"), width: 2, dash: [6, 4], points: { show: false } },
    ],
    axes: [
      { ...axis, values: (_chart, ticks) => ticks.map((tick) => dayName.format(tick * 1000)) },
      { ...axis, values: (_chart, ticks) => ticks.map((tick) => `${tick} $`) },
    ],
  };
}
