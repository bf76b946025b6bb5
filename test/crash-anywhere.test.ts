import { expect, test } from "vitest";
import { crashRound } from "./support/crash-round.ts";
import { databaseForProcesses } from "./support/server-process.ts";

const kills = 20;
const seed = Number(process.env.CRASH_SEED ?? 26);

test(
  `whenever the server is killed, everything ends and every cent is accounted for (${kills} kills, seed ${seed})`,
  async () => {
    const database = await databaseForProcesses();

    const report = await crashRound({ database, kills, seed });

    expect(report.violations).toEqual([]);
    expect(report.paidMicros).toBeGreaterThan(0n);
    // Twice around each of ten places; on a slow machine an execution may end before the kill is armed.
    const places = [...report.kills.keys()].filter((place) => /^(before|after) (?!a run|its)/.test(place));
    expect(places.length).toBeGreaterThanOrEqual(7);
  },
  60_000 + kills * 10_000,
);
