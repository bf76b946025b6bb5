import { expect, test } from "vitest";
import { cancel } from "../src/runtime/cancel.ts";
import { isoTime } from "../src/runtime/clock.ts";
import { execute } from "../src/runtime/execute.ts";
import { claimLease } from "../src/runtime/lease.ts";
import { commitUnit } from "../src/store/unit.ts";
import { alice, newSession, openedStore, startWorker, statusOf } from "./support/bare-worker.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { readTool } from "./support/test-tools.ts";

test("a claim whose answer comes after that of a later one does not displace its run", async () => {
  const store = await openedStore();
  let holds = 0;
  const hold = readTool("hold", () => {
    holds += 1;
    return new Promise<never>(() => undefined);
  });
  const worker = await startWorker(store, fakeWorld(), [hold]);
  const { runtime } = worker;
  const sessionId = await newSession(store);
  const { execution } = await execute(runtime, alice, { sessionId, input: { command: "hold {}" } });
  await expect.poll(() => holds).toBe(1);
  const claimAgain = async () => {
    const key = { sessionId, executionId: execution.id, at: isoTime(runtime.clock.now()) };
    const committed = await commitUnit(store, key, async (unit) => {
      const claimed = claimLease(unit, runtime.nodeId);
      return () => worker.start(claimed, unit.execution, unit.session.config, undefined);
    });
    return committed?.value ?? expect.fail("The execution is there.");
  };
  const startEarlier = await claimAgain();
  const startLater = await claimAgain();

  startLater();
  await expect.poll(() => holds).toBe(2);
  startEarlier();
  await cancel(runtime, alice, { input: { execution_id: execution.id } });

  await expect.poll(statusOf(store, execution.id)).toBe("cancelled");
});
