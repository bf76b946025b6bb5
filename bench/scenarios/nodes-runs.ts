import { openBarePostgres } from "../bare-postgres.ts";
import { type BenchServer, startNodes } from "../bench-server.ts";
import { at, each } from "../measure.ts";
import { playFor } from "../run-player.ts";
import type { Figure, Scenario } from "../scenario.ts";

const sessions = 64;
const warmUpMs = 15_000;
const measureMs = 10_000;

/** The same sessions' runs on one server and on two, beside as many bare commits. */
export const nodesRuns: Scenario = {
  name: "nodes-runs",
  isOfSeveral: true,
  async runAlone(databaseUrl = "") {
    const bare = await openBarePostgres(databaseUrl);
    const baseline = await bare.commit(measureMs);
    await bare.close();
    const { nodes, close } = await startNodes(databaseUrl, 2);
    try {
      const one = await runsPerSecond(nodes.slice(0, 1));
      const two = await runsPerSecond(nodes);
      const common = { unit: "runs/s", baseline };
      return [
        {
          ...common,
          ...one,
          name: `whole runs, ${sessions} sessions on one server`,
          target: { kind: "at least", value: 400 },
          note: `${one.note}; baseline: bare commits`,
        },
        {
          ...common,
          ...two,
          name: `whole runs, ${sessions} sessions on two servers`,
          target: { kind: "at least", value: one.ours },
        },
      ];
    } finally {
      await close();
    }
  },
};

async function runsPerSecond(nodes: readonly BenchServer[]): Promise<Required<Pick<Figure, "ours" | "load" | "note">>> {
  const clients = await each(sessions, 8, async (index) => {
    const node = at(nodes, index % nodes.length);
    return node.connect(await node.createSession({ tools: { noop: "ask" } }));
  });
  const cpu = async () => {
    const used = await Promise.all(nodes.map((node) => node.usage("cpu")));
    return used.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / 1000;
  };
  await playFor(clients, warmUpMs);
  const [before, clientBefore] = [await cpu(), process.cpuUsage()];
  const { runs, tookMs } = await playFor(clients, measureMs);
  const { user, system } = process.cpuUsage(clientBefore);
  const usedMs = (await cpu()) - before;
  for (const client of clients) client.close();
  return {
    ours: (runs * 1000) / tookMs,
    load: { server: usedMs / tookMs, clients: (user + system) / 1000 / tookMs },
    note: `${(usedMs / runs).toFixed(2)} ms of servers' CPU a run`,
  };
}
