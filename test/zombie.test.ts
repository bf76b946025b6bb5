import { expect, test } from "vitest";
import { databaseForProcesses } from "./support/server-process.ts";
import { isShared } from "./support/two-nodes.ts";
import { zombieRound } from "./support/zombie-round.ts";

test.skipIf(!isShared)(
  "a server that was stopped past its lease in mid-step and wakes up writes, signs and sends nothing more",
  { timeout: 300_000 },
  async () => {
    const violations = await zombieRound(await databaseForProcesses(), [
      { moment: "reserved", wakes: "at the end" },
      { moment: "signed", wakes: "at the end" },
      { moment: "stored", wakes: "on takeover" },
      { moment: "sending", wakes: "at the end" },
      { moment: "model", wakes: "on takeover" },
      { moment: "read", wakes: "at the end" },
      { moment: "write", wakes: "on takeover" },
    ]);

    expect(violations).toEqual([]);
  },
);
