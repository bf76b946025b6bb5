import { newId } from "../../src/protocol/new-id.ts";
import type { BenchServer } from "../bench-server.ts";
import { each, inTurns } from "../measure.ts";
import { typeOf } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const deltas = 10_000;

/** One execution streams its text to all who watch the session. */
export function deltasTo(watchers: number, target: number): Scenario {
  return {
    name: `deltas-${watchers}`,
    async run(contestants) {
      const { ours, baseline, load } = await inTurns(contestants, (server) => deliveriesPerSecond(server, watchers));
      const dropped = deltas * watchers - ours.delivered;
      return [
        {
          name: `${deltas} deltas to ${watchers} ${watchers === 1 ? "client" : "watchers"}`,
          unit: "deliveries/s",
          target: { kind: "at least", value: target },
          ours: ours.rate,
          baseline: baseline.rate,
          load,
          ...(dropped === 0 ? {} : { note: `${dropped} left out because a client read too slowly` }),
        },
      ];
    },
  };
}

async function deliveriesPerSecond(server: BenchServer, watchers: number) {
  const sessionId = await server.createSession();
  const clients = await each(watchers, 16, () => server.connect(sessionId));
  await stream(clients);
  const from = performance.now();
  const delivered = await stream(clients);
  const seconds = (performance.now() - from) / 1000;
  for (const client of clients) client.close();
  return { rate: delivered / seconds, delivered };
}

/** Streams once and gives how many deltas arrived, over all clients. */
async function stream(clients: readonly WireClient[]): Promise<number> {
  const counts = clients.map(countUntilEnd);
  clients[0]?.send({ type: "execute", data: { command: `stream ${deltas}`, execution_id: newId() } });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

function countUntilEnd(client: WireClient): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    client.onClose = () => reject(new Error("The server closed the socket."));
    client.onText = (payload) => {
      // `text_delta` and no other event begins like this; the whole type is read of the few others alone.
      if (payload[9] === 0x74 && payload[10] === 0x65) count += 1;
      else if (typeOf(payload) === "complete") resolve(count);
    };
  });
}
