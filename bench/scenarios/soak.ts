import type { BenchServer } from "../bench-server.ts";
import { each, median } from "../measure.ts";
import { playRun } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";

const minutes = Number(process.env.SOAK_MINUTES ?? 30);
const sessions = 50;
const runEveryMs = 2000;
/** Between two looks; the first ones are of a server that is still warming up. */
const lookMs = 15_000;
const growthMinutes = 10;

/**
 * A server under steady work for half an hour (SOAK_MINUTES): sessions run, and sockets come and go. What it holds
 * must not grow.
 */
export const soak: Scenario = {
  name: "soak",
  isLong: true,
  async run({ paygent }) {
    const until = performance.now() + minutes * 60_000;
    const looks: {
      readonly at: number;
      readonly rss: number;
      readonly heapUsed: number;
      readonly descriptors: number;
    }[] = [];
    const working = each(sessions, sessions, () => workUntil(paygent, until));
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      const { rss, heapUsed, descriptors } = await paygent.usage("memory");
      looks.push({ at: performance.now(), rss, heapUsed, descriptors });
    }
    const runs = (await working).reduce((sum, count) => sum + count, 0);

    // The last stretch beside the one before it; medians, because memory breathes.
    const lengthMs = Math.min(growthMinutes, minutes / 3) * 60_000;
    const between = (from: number, to: number) => looks.filter(({ at }) => at >= until - from && at < until - to);
    const [before, after] = [between(2 * lengthMs, lengthMs), between(lengthMs, -lookMs)];
    const of = (some: typeof looks, what: "rss" | "heapUsed" | "descriptors") => median(some.map((look) => look[what]));
    const growth = (what: "rss" | "heapUsed") => (of(after, what) / of(before, what) - 1) * 100;
    const megabytes = (what: "rss" | "heapUsed") => `${(of(after, what) / 1e6).toFixed(0)} MB`;
    const stretch = `${(lengthMs / 60_000).toFixed(1)} minutes`;
    return [
      {
        name: `resident memory after ${minutes} minutes, growth in the last ${stretch}`,
        unit: "%",
        target: { kind: "at most", value: 1 },
        ours: growth("rss"),
        note: `${megabytes("rss")}, ${runs} runs`,
      },
      {
        name: `heap in use, growth in the last ${stretch}`,
        unit: "%",
        target: { kind: "at most", value: 1 },
        ours: growth("heapUsed"),
        note: megabytes("heapUsed"),
      },
      {
        name: `open descriptors, growth in the last ${stretch}`,
        unit: "more",
        target: { kind: "at most", value: 0 },
        ours: of(after, "descriptors") - of(before, "descriptors"),
      },
    ];
  },
};

/** One session's runs at a steady pace, each on a socket of its own. */
async function workUntil(server: BenchServer, until: number): Promise<number> {
  const id = await server.createSession({ tools: { noop: "ask" }, budget_usd: "1000" });
  let runs = 0;
  while (performance.now() < until) {
    const due = performance.now() + runEveryMs;
    const client = await server.connect(id);
    await playRun(client);
    client.onClose = () => undefined;
    client.close();
    runs += 1;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  }
  return runs;
}
