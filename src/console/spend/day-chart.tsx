import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/** Bars of what was spent on each of the last thirty days. The table beside it says the same in words. */
export function DayChart({ days }: { readonly days: readonly { readonly key: string; readonly usd: string }[] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const spentOn = new Map(days.map(({ key, usd }) => [key, Number(usd)]));
    const today = Math.floor(Date.now() / 86_400_000);
    const shown = Array.from({ length: 30 }, (_, index) => today - 29 + index);
    const spent = shown.map((day) => spentOn.get(new Date(day * 86_400_000).toISOString().slice(0, 10)) ?? 0);
    const styles = getComputedStyle(document.documentElement);
    const color = (name: string) => styles.getPropertyValue(name).trim();
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: 180,
        legend: { show: false },
        cursor: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        scales: { y: { range: (_chart, _min, max) => [0, Math.max(max, 1) * 1.1] } },
        series: [
          {},
          {
            fill: color("--accent"),
            width: 0,
            ...(bars === undefined ? {} : { paths: bars }),
            points: { show: false },
          },
        ],
        axes: [axis, { ...axis, values: (_chart, ticks) => ticks.map((tick) => `${tick} $`) }],
      },
      [shown.map((day) => day * 86_400), spent],
      element,
    );
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 180 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [days]);
  return <div ref={place} aria-hidden="true" className="mb-3 w-full overflow-hidden" />;
}
