import { setTimeout as delay } from "node:timers/promises";
import { type BenchServer, settledMemory, startNodes } from "../bench-server.ts";
import { each, median } from "../measure.ts";
import { approve, park } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const sessions = 200;
const parkedEach = 50;
/** As many runs as will be parked: what a server needs for its work alone is there before. */
const warmUpEach = 25;
const approvals = 400;
const idleMs = 20_000;

/**
 * Ten thousand executions that wait for a human, on two servers: what they cost each, and an approve among them,
 * beside the same on two servers where nothing waits.
 */
export const nodesParked: Scenario = {
  name: "nodes-parked",
  isOfSeveral: true,
  async runAlone(databaseUrl = "") {
    const many = await openPlace(databaseUrl);
    const none = await openPlace(databaseUrl);
    try {
      const idleBefore = await idleOf(many.nodes);
      await many.parkEach(parkedEach);
      const idleAmong = await idleOf(many.nodes);
      const [amongMany, amongNone] = await approveInTurns([many, none]);

      const count = sessions * parkedEach;
      return [
        ...many.nodes.map((_, index) => ({
          name: `CPU of server ${index + 1} beside ${count} parked executions`,
          unit: "% of a core",
          target: { kind: "at most" as const, value: 1 },
          ours: idleAmong[index]?.cpuPercent ?? Number.NaN,
          baseline: idleBefore[index]?.cpuPercent ?? Number.NaN,
          note: "baseline: beside none, here",
        })),
        ...many.nodes.map((_, index) => ({
          name: `memory of server ${index + 1} for them`,
          unit: "MB more",
          target: { kind: "at most" as const, value: 5 },
          // Of resident memory the collector keeps between nothing and 100 MB for later, as it likes.
          ours: megabytesMore(idleBefore[index], idleAmong[index], "heapUsed"),
          note: `heap in use; resident ${megabytesMore(idleBefore[index], idleAmong[index], "rss").toFixed(1)} MB more`,
        })),
        {
          name: "result after approve among them",
          unit: "ms p50",
          target: { kind: "at most", value: amongNone * 1.2 },
          ours: amongMany,
          baseline: amongNone,
          note: "baseline: among none, in turns",
        },
      ];
    } finally {
      await many.close();
      await none.close();
    }
  },
};

/** Two servers, and sessions with a socket each. */
interface Place {
  readonly nodes: readonly BenchServer[];
  /** Leaves so many more executions waiting in each session. */
  parkEach(count: number): Promise<void>;
  /** Parks one execution more in a session, approves what waits longest there, and gives how long its result took. */
  approveIn(index: number): Promise<number>;
  close(): Promise<void>;
}

async function openPlace(databaseUrl: string): Promise<Place> {
  const { nodes, close } = await startNodes(databaseUrl, 2);
  const clients = await each(sessions, 8, async (index) => {
    const node = nodes[index % nodes.length];
    if (node === undefined) throw new Error("There is no server to connect to.");
    return {
      socket: await node.connect(await node.createSession({ tools: { noop: "ask" } })),
      waiting: [] as string[],
    };
  });
  const parkOne = async ({ socket, waiting }: { socket: WireClient; waiting: string[] }) => {
    waiting.push((await park(socket)).requestId);
  };
  const place: Place = {
    nodes,
    async parkEach(count) {
      await each(clients.length, 16, async (index) => {
        for (let done = 0; done < count; done++) await parkOne(at(clients, index));
      });
    },
    async approveIn(index) {
      const client = at(clients, index);
      await parkOne(client);
      return (await approve(client.socket, client.waiting.shift() ?? "")).resumeMs;
    },
    async close() {
      for (const { socket } of clients) socket.close();
      await close();
    },
  };
  await place.parkEach(warmUpEach);
  await each(sessions, 16, async (index) => {
    for (let done = 0; done < warmUpEach; done++) await place.approveIn(index);
  });
  for (const { socket, waiting } of clients) for (const request of waiting.splice(0)) await approve(socket, request);
  return place;
}

function megabytesMore(before: Idle | undefined, after: Idle | undefined, what: "rss" | "heapUsed"): number {
  return ((after?.[what] ?? Number.NaN) - (before?.[what] ?? Number.NaN)) / 1e6;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index}.`);
  return item;
}

interface Idle {
  readonly cpuPercent: number;
  readonly rss: number;
  readonly heapUsed: number;
}

/** What each server uses while nothing is asked of it, and what it holds then. */
async function idleOf(nodes: readonly BenchServer[]): Promise<Idle[]> {
  const before = await Promise.all(nodes.map((node) => node.usage("cpu")));
  await delay(idleMs);
  const after = await Promise.all(nodes.map((node) => node.usage("cpu")));
  const memory = await Promise.all(nodes.map(settledMemory));
  return nodes.map((_, index) => ({
    cpuPercent: ((after[index]?.cpuMicros ?? 0) - (before[index]?.cpuMicros ?? 0)) / 10 / idleMs,
    rss: memory[index]?.rss ?? Number.NaN,
    heapUsed: memory[index]?.heapUsed ?? Number.NaN,
  }));
}

/** The median of each place; in turns, so that the speed of the machine is the same for all. */
async function approveInTurns(places: readonly [Place, Place]): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let done = 0; done < 2 * approvals; done++) {
    const [many, none] = [await places[0].approveIn(done % sessions), await places[1].approveIn(done % sessions)];
    // What a collection has made a server forget it has learned again by then.
    if (done < approvals) continue;
    times[0].push(many);
    times[1].push(none);
  }
  return [median(times[0]), median(times[1])];
}
