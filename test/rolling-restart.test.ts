import { expect, test } from "vitest";
import { rollingRestarts } from "./support/rolling-restarts.ts";
import { databaseForProcesses } from "./support/server-process.ts";
import { isShared } from "./support/two-nodes.ts";

test.skipIf(!isShared)(
  "servers that are restarted in turn under load say 1001, hand over at once and lose nothing",
  { timeout: 240_000 },
  async () => {
    const violations = await rollingRestarts(await databaseForProcesses(), { restarts: 4, sessions: 8, seed: 29 });

    expect(violations).toEqual([]);
  },
);
