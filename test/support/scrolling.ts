import type { BrowserContext, CDPSession, Page } from "playwright-core";

/** How a page kept up while it was scrolled. */
export interface Scrolling {
  readonly frames: number;
  /** Between two frames, in milliseconds, as `requestAnimationFrame` tells them. */
  readonly intervals: readonly number[];
  /** What the page's main thread did for each frame, in milliseconds: script, style, layout and paint. */
  readonly busyMsPerFrame: number;
  readonly scriptMsPerFrame: number;
  /** Tasks of 50 ms and more. */
  readonly longTasks: number;
  /** The most elements that the page had at once. */
  readonly maxElements: number;
}

const pixelsPerSecond = 3000;

/** Scrolls as a hand on a touchpad would, upwards from the middle of the page, for so long. */
export async function scrollFor(page: Page, seconds: number): Promise<Scrolling> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const { width, height } = page.viewportSize() ?? { width: 1200, height: 800 };
  await page.evaluate(watchFrames);
  const before = await metricsOf(devtools);
  await devtools.send("Input.synthesizeScrollGesture", {
    x: width / 2,
    y: height / 2,
    yDistance: pixelsPerSecond * seconds,
    speed: pixelsPerSecond,
    gestureSourceType: "mouse",
  });
  const after = await metricsOf(devtools);
  // The script above leaves it there.
  const seen = (await page.evaluate("watched()")) as Pick<Scrolling, "intervals" | "longTasks" | "maxElements">;
  await devtools.detach();
  const frames = seen.intervals.length;
  const perFrame = (name: string) => (((after.get(name) ?? 0) - (before.get(name) ?? 0)) * 1000) / frames;
  return {
    ...seen,
    frames,
    busyMsPerFrame: perFrame("TaskDuration"),
    scriptMsPerFrame: perFrame("ScriptDuration"),
  };
}

async function metricsOf(devtools: CDPSession): Promise<ReadonlyMap<string, number>> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return new Map(metrics.map(({ name, value }) => [name, value]));
}

const watchFrames = `{
  const intervals = [];
  let last, isDone = false, longTasks = 0, maxElements = 0;
  new PerformanceObserver((list) => { longTasks += list.getEntries().length; }).observe({ type: "longtask" });
  const elements = document.getElementsByTagName("*");
  const look = (now) => {
    if (isDone) return;
    if (last !== undefined) intervals.push(now - last);
    last = now;
    maxElements = Math.max(maxElements, elements.length);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  globalThis.watched = () => { isDone = true; return { intervals, longTasks, maxElements }; };
}`;

/** A page as tall that shows nothing: what the browser alone can do here. */
export async function openEmptyPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.setContent('<div style="height: 400000px"></div>');
  await page.evaluate("scrollTo(0, 400000)");
  return page;
}
