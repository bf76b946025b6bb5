import type { BenchServer } from "../bench-server.ts";
import { each, inTurns, percentile } from "../measure.ts";
import { playRun } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const eventsARun = 8;
const warmUpMs = 2000;
const measureMs = 6000;
/** Reading the time out of every frame would keep the clients busier than the server. */
const sampledOf = 16;

interface FanOut {
  readonly sessions: number;
  readonly watchersEach: number;
  /** Durable events that each session has in a second. */
  readonly eventsPerSecond: number;
  /** Milliseconds, for 99 of 100 events at 99 of 100 sockets. */
  readonly target: number;
}

/** Durable events, at a steady pace, to all who watch: how old an event is when a socket has it. */
export function fanOut({ sessions, watchersEach, eventsPerSecond, target }: FanOut): Scenario {
  const sockets = sessions * watchersEach;
  return {
    name: `fan-out-${sockets}`,
    async run(contestants) {
      const { ours, baseline, load } = await inTurns(contestants, async (server) => {
        const watched = await each(sessions, 8, () => watchSession(server, watchersEach));
        await playAll(watched, eventsPerSecond, warmUpMs);
        const { ages, delivered } = await playAll(watched, eventsPerSecond, measureMs);
        for (const client of watched.flat()) {
          client.onClose = () => undefined;
          client.close();
        }
        return { p99: percentile(ages, 0.99), rate: (delivered * 1000) / measureMs };
      });
      return [
        {
          name: `${sockets} sockets, ${eventsPerSecond} events/s each: age of an event`,
          unit: "ms p99",
          target: { kind: "at most", value: target },
          ours: ours.p99,
          baseline: baseline.p99,
          load,
          note: `${Math.round(ours.rate).toLocaleString("en")} deliveries/s`,
        },
      ];
    },
  };
}

async function watchSession(server: BenchServer, watchers: number): Promise<WireClient[]> {
  const sessionId = await server.createSession({ tools: { noop: "ask" } });
  // One more, which plays the runs and whose deliveries are not counted.
  return each(watchers + 1, 16, () => server.connect(sessionId));
}

/** Plays runs in all sessions at their pace, and gives the ages of a sample of what the watchers were sent. */
async function playAll(watched: readonly WireClient[][], eventsPerSecond: number, ms: number) {
  const ages: number[] = [];
  let delivered = 0;
  const take = (payload: Buffer) => {
    delivered += 1;
    if (delivered % sampledOf === 0) ages.push(Date.now() - timeOf(payload));
  };
  const everyMs = (eventsARun * 1000) / eventsPerSecond;
  await Promise.all(
    watched.map(async ([player, ...watchers], index) => {
      for (const watcher of watchers) {
        watcher.onClose = () => {
          throw new Error("The server closed a socket that only watches.");
        };
        watcher.onText = take;
      }
      if (player === undefined) return;
      const until = performance.now() + ms;
      // Sessions begin one after another, or all their events would come at the same moments.
      let due = performance.now() + (everyMs * index) / watched.length;
      while (due < until) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
        await playRun(player);
        due += everyMs;
      }
    }),
  );
  return { ages, delivered };
}

const key = '"timestamp":"';
const timeLength = "2026-01-01T00:00:00.000Z".length;

function timeOf(payload: Buffer): number {
  const at = payload.lastIndexOf(key) + key.length;
  return Date.parse(payload.toString("latin1", at, at + timeLength));
}
