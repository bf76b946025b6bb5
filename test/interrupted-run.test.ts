import { expect, onTestFinished, test } from "vitest";
import { PaygentError } from "../src/protocol/errors.ts";
import { cancel } from "../src/runtime/cancel.ts";
import { execute } from "../src/runtime/execute.ts";
import { alice, newSession, openedStore, startWorker, statusOf } from "./support/bare-worker.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { readTool } from "./support/test-tools.ts";

const sweepMs = 20;

/** An execution whose only call needs a service that is not there, and when it was asked. */
async function executionWithoutService() {
  const store = await openedStore();
  const asked: number[] = [];
  let isThere = false;
  const look = readTool("look", () => {
    asked.push(performance.now());
    if (!isThere) throw new PaygentError("unavailable", "The service is away.");
    return "seen";
  });
  const { runtime } = await startWorker(store, fakeWorld(), [look], { sweepMs });
  const sessionId = await newSession(store);
  const { execution } = await execute(runtime, alice, { sessionId, input: { command: "look {}" } });
  const bringBack = () => {
    isThere = true;
  };
  return { runtime, id: execution.id, asked, status: statusOf(store, execution.id), bringBack };
}

test("a service that is away is asked ever less often, and the execution goes on when it is back", async () => {
  const { asked, status, bringBack } = await executionWithoutService();
  await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(6);

  for (const [index, at] of asked.slice(1).entries()) {
    // The run itself knows a little later than the service that it was interrupted.
    expect(at - (asked[index] ?? 0)).toBeGreaterThan(sweepMs * 2 ** index - 2);
  }
  bringBack();

  await expect.poll(status, { timeout: 10_000 }).toBe("completed");
});

test("a cancellation does not wait until an interrupted execution goes on", async () => {
  const { runtime, id, asked, status } = await executionWithoutService();
  await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(7);
  const restMs = sweepMs * 2 ** 6;

  const from = performance.now();
  await cancel(runtime, alice, { input: { execution_id: id } });

  await expect.poll(status, { interval: 5 }).toBe("cancelled");
  expect(performance.now() - from).toBeLessThan(restMs / 2);
});

test("a call that fails while the run reads what others wrote interrupts the run, and ends no process", async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  onTestFinished(() => void process.off("unhandledRejection", onUnhandled));
  const { runtime, id, asked } = await executionWithoutService();
  const poking = setInterval(() => runtime.worker.poke(id), 0);
  onTestFinished(() => clearInterval(poking));

  await expect.poll(() => asked.length, { timeout: 20_000 }).toBeGreaterThan(200);

  expect(unhandled).toEqual([]);
});
