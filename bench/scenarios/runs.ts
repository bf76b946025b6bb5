import type { BenchServer } from "../bench-server.ts";
import { each, inTurns } from "../measure.ts";
import { playFor } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";

const warmUpMs = 1500;
const measureMs = 4000;

/** So many sessions at once, each with one run after another. */
export function runsAtOnce(sessions: number, target: number): Scenario {
  return {
    name: `runs-${sessions}`,
    async run(contestants) {
      const { ours, baseline, load } = await inTurns(contestants, (server) => runsPerSecond(server, sessions));
      return [
        {
          name: `whole runs, ${sessions} sessions at once`,
          unit: "runs/s",
          target: { kind: "at least", value: target },
          ours: ours.rate,
          baseline: baseline.rate,
          load,
          note: `${((load.server * 1000) / ours.rate).toFixed(2)} ms of CPU a run`,
        },
      ];
    },
  };
}

async function runsPerSecond(server: BenchServer, sessions: number) {
  const clients = await each(sessions, 8, async () =>
    server.connect(await server.createSession({ tools: { noop: "ask" } })),
  );
  await playFor(clients, warmUpMs);
  const { runs, tookMs } = await playFor(clients, measureMs);
  for (const client of clients) client.close();
  return { rate: (runs * 1000) / tookMs };
}
