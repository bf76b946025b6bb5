import { setTimeout as delay } from "node:timers/promises";
import { type BenchServer, startNodes } from "../bench-server.ts";
import { each, median } from "../measure.ts";
import { approve, park } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const sessions = 200;
const parkedEach = 50;
const approvals = 200;
const idleMs = 10_000;

/** Ten thousand executions that wait for a human, on two servers: what they cost each, and an approve among them. */
export const nodesParked: Scenario = {
  name: "nodes-parked",
  isOfSeveral: true,
  async runAlone(databaseUrl = "") {
    const { nodes, close } = await startNodes(databaseUrl, 2);
    try {
      const clients = await each(sessions, 8, async (index) => {
        const node = nodes[index % nodes.length];
        if (node === undefined) throw new Error("There is no server to connect to.");
        return node.connect(await node.createSession({ tools: { noop: "ask" } }));
      });
      const requests = new Map<WireClient, string[]>(clients.map((client) => [client, []]));
      const parkSome = (count: number) =>
        each(clients.length, 16, async (index) => {
          const client = clients[index];
          if (client === undefined) return;
          for (let done = 0; done < count; done++) requests.get(client)?.push((await park(client)).requestId);
        });
      // What servers need for this kind of work alone is there before.
      await parkSome(5);
      for (const client of clients) await approveAll(client, requests.get(client) ?? []);
      const amongNone = await approveSome(clients, async (client) => (await park(client)).requestId);
      const idleBefore = await idleOf(nodes);

      await parkSome(parkedEach);
      const idleAmong = await idleOf(nodes);
      const amongMany = await approveSome(clients, async (client) => requests.get(client)?.pop() ?? "");

      for (const client of clients) client.close();
      const count = sessions * parkedEach;
      return [
        ...nodes.map((_, index) => ({
          name: `CPU of server ${index + 1} beside ${count} parked executions`,
          unit: "% of a core",
          target: { kind: "at most" as const, value: 1 },
          ours: idleAmong[index]?.cpuPercent ?? Number.NaN,
          baseline: idleBefore[index]?.cpuPercent ?? Number.NaN,
          note: "baseline: beside none, here",
        })),
        ...nodes.map((_, index) => ({
          name: `resident memory of server ${index + 1} for them`,
          unit: "MB more",
          target: { kind: "at most" as const, value: 5 },
          ours: ((idleAmong[index]?.rss ?? Number.NaN) - (idleBefore[index]?.rss ?? Number.NaN)) / 1e6,
        })),
        {
          name: "result after approve among them",
          unit: "ms p50",
          target: { kind: "at most", value: amongNone * 1.2 },
          ours: amongMany,
          baseline: amongNone,
          note: "baseline: among none, here",
        },
      ];
    } finally {
      await close();
    }
  },
};

/** What each server uses while nothing is asked of it. */
async function idleOf(nodes: readonly BenchServer[]): Promise<{ cpuPercent: number; rss: number }[]> {
  const memory = await Promise.all(nodes.map((node) => node.usage("memory")));
  const before = await Promise.all(nodes.map((node) => node.usage("cpu")));
  await delay(idleMs);
  const after = await Promise.all(nodes.map((node) => node.usage("cpu")));
  return nodes.map((_, index) => ({
    cpuPercent: ((after[index]?.cpuMicros ?? 0) - (before[index]?.cpuMicros ?? 0)) / 10 / idleMs,
    rss: memory[index]?.rss ?? 0,
  }));
}

async function approveAll(client: WireClient, requests: string[]): Promise<void> {
  for (const request of requests.splice(0)) await approve(client, request);
}

/** Approves one request after another, over all sessions. */
async function approveSome(
  clients: readonly WireClient[],
  next: (client: WireClient) => Promise<string>,
): Promise<number> {
  const times: number[] = [];
  for (let done = 0; done < approvals; done++) {
    const client = clients[done % clients.length];
    if (client !== undefined) times.push((await approve(client, await next(client))).resumeMs);
  }
  return median(times);
}
