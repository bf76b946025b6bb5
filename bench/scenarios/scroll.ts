import { newId } from "../../src/protocol/new-id.ts";
import { buildConsole, hasChromium, openBrowser, openConsole } from "../../test/support/browser.ts";
import { openEmptyPage, type Scrolling, scrollFor } from "../../test/support/scrolling.ts";
import { type BenchServer, startPaygent } from "../bench-server.ts";
import { median, percentile } from "../measure.ts";
import { typeOf } from "../run-player.ts";
import type { Figure, Scenario } from "../scenario.ts";

const executions = 50;
const callsEach = 100;
const seconds = 5;
const repetitions = 3;

/** The console's timeline of a session of 10,000 events, beside an empty page that is scrolled in the same browser. */
export const scroll: Scenario = {
  name: "scroll",
  async runAlone(databaseUrl) {
    if (!hasChromium) throw new Error("The scenario scroll needs a Chromium; PAYGENT_CHROMIUM names one.");
    await buildConsole();
    const paygent = await startPaygent(databaseUrl);
    const browser = await openBrowser();
    try {
      const sessionId = await fill(paygent);
      const { page } = await openConsole(browser, paygent);
      const empty = await openEmptyPage(page.context());
      await page.goto(`${paygent.url}/#/sessions/${sessionId}`);
      await page.getByText("Done.").last().waitFor();
      const ours: Scrolling[] = [];
      const baseline: Scrolling[] = [];
      for (let done = 0; done < repetitions; done++) {
        for (const [shown, measured] of [
          [page, ours],
          [empty, baseline],
        ] as const) {
          await shown.bringToFront();
          measured.push(await scrollFor(shown, seconds));
        }
      }
      return figures(ours, baseline);
    } finally {
      await browser.close();
      await paygent.close();
    }
  },
};

async function fill(paygent: BenchServer): Promise<string> {
  const sessionId = await paygent.createSession({ max_steps: 256 });
  const client = await paygent.connect(sessionId);
  for (let done = 0; done < executions; done++) {
    const completed = new Promise<void>((resolve) => {
      client.onText = (payload) => typeOf(payload) === "complete" && resolve();
    });
    client.send({ type: "execute", data: { command: `calls ${callsEach}`, execution_id: newId() } });
    await completed;
  }
  client.close();
  return sessionId;
}

function figures(ours: readonly Scrolling[], empty: readonly Scrolling[]): Figure[] {
  const figure = (name: string, unit: string, value: (scrolling: Scrolling) => number) => ({
    name: `10,000 events scrolled for ${seconds} s: ${name}`,
    unit,
    ours: median(ours.map(value)),
    baseline: median(empty.map(value)),
  });
  const rate = ({ intervals }: Scrolling) => (intervals.length * 1000) / intervals.reduce((sum, each) => sum + each, 0);
  const worst = (value: (scrolling: Scrolling) => number) => Math.max(...ours.map(value));
  return [
    { ...figure("frames", "frames/s", rate), target: { kind: "at least", value: 58 } },
    figure("between frames, median", "ms", ({ intervals }) => median(intervals)),
    figure("between frames, 95 %", "ms", ({ intervals }) => percentile(intervals, 0.95)),
    {
      ...figure("main thread for each frame", "ms", ({ busyMsPerFrame }) => busyMsPerFrame),
      target: { kind: "at most", value: 8 },
      note: `at most ${worst(({ longTasks }) => longTasks)} tasks of 50 ms, ${worst(({ maxElements }) => maxElements)} elements`,
    },
    figure("script for each frame", "ms", ({ scriptMsPerFrame }) => scriptMsPerFrame),
  ];
}
