import type { BenchServer } from "../bench-server.ts";
import { each } from "../measure.ts";
import type { Scenario } from "../scenario.ts";

const sockets = 15_000;
const warmUpSockets = 1000;

/** Sockets on which nothing happens, each on a session of its own. */
export const idle: Scenario = {
  name: "idle",
  async run({ paygent, bare }) {
    return [
      {
        name: `${sockets} idle sockets`,
        unit: "KB each",
        target: { kind: "at most", value: 20 },
        ours: await kilobytesEach(paygent),
        baseline: await kilobytesEach(bare),
      },
    ];
  },
};

async function kilobytesEach(server: BenchServer): Promise<number> {
  const ids = await each(sockets, 16, () => server.createSession());
  const open = (count: number) => each(count, 32, (index) => server.connect(ids[index] ?? ""));
  for (const client of await open(warmUpSockets)) client.close();
  const before = await server.usage("memory");
  const clients = await open(sockets);
  const after = await server.usage("memory");
  for (const client of clients) client.close();
  return (after.rss - before.rss) / sockets / 1000;
}
