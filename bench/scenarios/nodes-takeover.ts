import { newId } from "../../src/protocol/new-id.ts";
import { startNodes } from "../bench-server.ts";
import { each } from "../measure.ts";
import { typeOf } from "../run-player.ts";
import type { Figure, Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const executions = 20;
const kills = 3;

/** A server is killed amid its work: how long until another goes on with the last of it. */
export const nodesTakeover: Scenario = {
  name: "nodes-takeover",
  isOfSeveral: true,
  async runAlone(databaseUrl = "") {
    return [
      await takeover(databaseUrl, "default settings", {}, 10),
      await takeover(databaseUrl, "PAYGENT_LEASE_S=1.5", { PAYGENT_LEASE_S: "1.5" }, 3),
    ];
  },
};

async function takeover(
  databaseUrl: string,
  title: string,
  settings: Readonly<Record<string, string>>,
  targetSeconds: number,
): Promise<Figure> {
  const took: number[] = [];
  for (let killed = 0; killed < kills; killed++) {
    const { nodes, close } = await startNodes(databaseUrl, 2, settings);
    try {
      const [dying, heir] = nodes;
      if (dying === undefined || heir === undefined) throw new Error("Two servers were to start.");
      const pairs = await each(executions, 8, async () => {
        const id = await dying.createSession();
        return { near: await dying.connect(id), far: await heir.connect(id) };
      });
      await Promise.all(
        pairs.map(({ near }) => {
          const called = until(near, "tool_call");
          near.send({ type: "execute", data: { command: "hold", execution_id: newId() } });
          return called;
        }),
      );
      const done = Promise.all(pairs.map(({ far }) => until(far, "complete")));
      const from = performance.now();
      await dying.kill();
      await done;
      took.push((performance.now() - from) / 1000);
      for (const { far } of pairs) far.close();
    } finally {
      await close();
    }
  }
  return {
    name: `takeover of ${executions} executions, ${title}`,
    unit: `s, worst of ${kills}`,
    target: { kind: "at most", value: targetSeconds },
    ours: Math.max(...took),
  };
}

function until(client: WireClient, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    client.onText = (payload) => {
      if (typeOf(payload) === wanted) resolve();
    };
  });
}
