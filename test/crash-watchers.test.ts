import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { seededRandom } from "./support/seeded-random.ts";
import { databaseForProcesses, startProcess } from "./support/server-process.ts";
import { execute } from "./support/test-server.ts";

const kills = Number(process.env.CRASH_KILLS ?? 20);
const random = seededRandom(Number(process.env.CRASH_SEED ?? 17));
const env = { TEST_WORLD: "fake", TEST_SWEEPS: "once" };
const command = Array(20).fill("look {}").join(" && ");

test(
  `whatever a watcher saw before a kill -9 is in the log afterwards, byte for byte (${kills} kills)`,
  async () => {
    const database = await databaseForProcesses();
    let server = await startProcess(database, "faulty", env);
    const { id } = await server.createSession({ if_busy: "queue" });
    let seen = 0;

    for (let kill = 1; kill <= kills; kill++) {
      const watchers = await Promise.all([1, 2, 3].map(() => server.connect(id)));
      const [first] = watchers;
      if (first === undefined) throw new Error("There is a watcher.");
      for (let count = 0; count < 5; count++) execute(first, command);
      await first.first("execution_started");
      // The moment of the kill is what is random here; nothing is waited for.
      await delay(random(60));
      await server.kill();
      await Promise.all(watchers.map(({ closed }) => closed));
      const frames = watchers.flatMap((watcher) =>
        watcher.frames.filter((_, index) => watcher.events[index]?.seq !== undefined),
      );
      seen += frames.length;

      server = await startProcess(database, "faulty", env);
      const reader = await server.connect(id, { lastSeq: 0 });
      const last = Math.max(...watchers.flatMap(({ events }) => events.map(({ seq }) => seq ?? 0)));
      await reader.find(({ seq }) => seq === last);
      const stored = new Set(reader.frames);
      expect(frames.filter((frame) => !stored.has(frame))).toEqual([]);
      await reader.close();
    }

    expect(seen).toBeGreaterThan(kills);
  },
  30_000 + kills * 5000,
);
