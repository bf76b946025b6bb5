import type { BenchServer } from "../bench-server.ts";
import { inTurns, median } from "../measure.ts";
import { playRun, type RunTimes } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";

const warmUpRuns = 200;
const runs = 300;

/** One client alone, one run after another. */
export const latency: Scenario = {
  name: "latency",
  async run(contestants) {
    const { ours, baseline, load } = await inTurns(contestants, oneAfterAnother);
    const common = { unit: "ms p50", load };
    return [
      {
        ...common,
        name: "first event after execute",
        target: { kind: "at most", value: 2 },
        ours: ours.firstEventMs,
        baseline: baseline.firstEventMs,
      },
      {
        ...common,
        name: "tool result after approve",
        target: { kind: "at most", value: 3 },
        ours: ours.resumeMs,
        baseline: baseline.resumeMs,
      },
    ];
  },
};

async function oneAfterAnother(server: BenchServer) {
  const client = await server.connect(await server.createSession({ tools: { noop: "ask" } }));
  for (let done = 0; done < warmUpRuns; done++) await playRun(client);
  const times: RunTimes[] = [];
  for (let done = 0; done < runs; done++) times.push(await playRun(client));
  client.close();
  return {
    firstEventMs: median(times.map(({ firstEventMs }) => firstEventMs)),
    resumeMs: median(times.map(({ resumeMs }) => resumeMs)),
  };
}
