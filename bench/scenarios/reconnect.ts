import type { BenchServer } from "../bench-server.ts";
import { each } from "../measure.ts";
import { playRun } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";

const sockets = 15_000;
const atOnce = 64;
const seenBefore = 4;

/** Every socket is cut off, and all of them come back at once and catch up on the half of a run that they missed. */
export const reconnect: Scenario = {
  name: "reconnect",
  async run({ paygent, bare }) {
    const ours = await secondsToReturn(paygent, (id) => paygent.resume(id, seenBefore));
    return [
      {
        name: `${sockets} sockets come back and catch up`,
        unit: "s",
        target: { kind: "at most", value: 30 },
        ours,
        baseline: await secondsToReturn(bare, (id) => bare.connect(id)),
        note: "the baseline connects alone: it has kept nothing",
      },
    ];
  },
};

async function secondsToReturn(server: BenchServer, comeBack: BenchServer["connect"]): Promise<number> {
  const ids = await each(sockets, 16, async () => {
    const id = await server.createSession({ tools: { noop: "ask" } });
    const client = await server.connect(id);
    await playRun(client);
    client.close();
    return id;
  });
  const connected = await each(sockets, 32, (index) => server.connect(ids[index] ?? ""));
  for (const client of connected) client.close();

  const from = performance.now();
  const back = await each(sockets, atOnce, (index) => comeBack(ids[index] ?? ""));
  const seconds = (performance.now() - from) / 1000;
  for (const client of back) client.close();
  return seconds;
}
