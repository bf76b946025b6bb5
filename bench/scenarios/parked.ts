import { settledMemory } from "../bench-server.ts";
import { each, median } from "../measure.ts";
import { approve, park, playRun } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const sessions = 100;
const parkedEach = 100;
const approvals = 300;
const warmUpRunsEach = 100;

/** Executions that wait for a human, by the thousand. */
export const parked: Scenario = {
  name: "parked",
  async run({ paygent }) {
    const clients = await each(sessions, 8, async () =>
      paygent.connect(await paygent.createSession({ tools: { noop: "ask" } })),
    );
    // As many runs as will be parked: what a server needs for its work alone is there before.
    await eachRun(clients, warmUpRunsEach, async (client) => void (await playRun(client)));
    const amongNone = await approveSome(clients, async (client) => (await park(client)).requestId);
    const before = await settledMemory(paygent);

    const requests = new Map<WireClient, string[]>(clients.map((client) => [client, []]));
    await eachRun(clients, parkedEach, async (client) => {
      requests.get(client)?.push((await park(client)).requestId);
    });
    const after = await settledMemory(paygent);
    const amongMany = await approveSome(clients, async (client) => requests.get(client)?.pop() ?? "");

    for (const client of clients) client.close();
    const count = sessions * parkedEach;
    return [
      {
        name: `resident memory for ${count} parked executions`,
        unit: "MB more",
        target: { kind: "at most", value: 5 },
        ours: (after.rss - before.rss) / 1e6,
        note: `heap ${((after.heapUsed - before.heapUsed) / 1e6).toFixed(1)} MB more`,
      },
      {
        name: `tool result after approve, among ${count} parked`,
        unit: "ms p50",
        target: { kind: "at most", value: amongNone * 1.2 },
        ours: amongMany,
        baseline: amongNone,
        note: "baseline: among none, here",
      },
    ];
  },
};

/** Every client does it so many times, sixteen clients at once. */
async function eachRun(clients: readonly WireClient[], times: number, work: (client: WireClient) => Promise<void>) {
  await each(clients.length, 16, async (index) => {
    const client = clients[index];
    if (client === undefined) return;
    for (let done = 0; done < times; done++) await work(client);
  });
}

/** Approves one request after another, over all sessions. */
async function approveSome(
  clients: readonly WireClient[],
  next: (client: WireClient) => Promise<string>,
): Promise<number> {
  const times: number[] = [];
  for (let done = 0; done < approvals; done++) {
    const client = clients[done % clients.length];
    if (client === undefined) continue;
    times.push((await approve(client, await next(client))).resumeMs);
  }
  return median(times);
}
