import { setTimeout as delay } from "node:timers/promises";
import { type BenchServer, settledMemory, startNodes } from "../bench-server.ts";
import { at, each, median } from "../measure.ts";
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
      const idleBefore = await Promise.all(many.nodes.map(idleOf));
      await many.parkEach(parkedEach);
      const idleAmong = await Promise.all(many.nodes.map(idleOf));
      const [amongMany, amongNone] = await approveInTurns([many, none]);

      const count = sessions * parkedEach;
      return [
        ...many.nodes.map((_, index) => ({
          name: `CPU of server ${index + 1} beside ${count} parked executions`,
          unit: "% of a core",
          target: { kind: "at most" as const, value: 1 },
          ours: at(idleAmong, index).cpuPercent,
          baseline: at(idleBefore, index).cpuPercent,
          note: "baseline: beside none, here",
        })),
        ...many.nodes.map((_, index) => ({
          name: `memory of server ${index + 1} for them`,
          unit: "MB more",
          target: { kind: "at most" as const, value: 5 },
          // Of resident memory the collector keeps between nothing and 100 MB for later, as it likes.
          ours: (at(idleAmong, index).heapUsed - at(idleBefore, index).heapUsed) / 1e6,
          note: `heap in use; resident ${((at(idleAmong, index).rss - at(idleBefore, index).rss) / 1e6).toFixed(1)} MB more`,
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
    const node = at(nodes, index % nodes.length);
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

/** What a server uses while nothing is asked of it, and what it holds then. */
async function idleOf(node: BenchServer): Promise<{ cpuPercent: number; rss: number; heapUsed: number }> {
  const before = await node.usage("cpu");
  await delay(idleMs);
  const after = await node.usage("cpu");
  const { rss, heapUsed } = await settledMemory(node);
  return { cpuPercent: (after.cpuMicros - before.cpuMicros) / 10 / idleMs, rss, heapUsed };
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
