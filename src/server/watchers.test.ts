import { expect, test } from "vitest";
import { localBus } from "../cluster/local-bus.ts";
import type { StoredEvent } from "../store/event-log.ts";
import { Watchers } from "./watchers.ts";

const at = "2026-01-01T00:00:00.000Z";
const event: StoredEvent = { seq: 1, sessionId: "s", executionId: undefined, type: "budget", at, text: "{}", hash: "" };

/** The times that are observed when an event comes to watchers of whom each says whether it was news. */
async function observedBy(areNews: readonly boolean[]): Promise<string[]> {
  const observed: string[] = [];
  const bus = localBus();
  const watchers = new Watchers(bus, (time) => observed.push(time));
  for (const isNews of areNews) watchers.add("s", { take: () => isNews }, 0);
  bus.publish("s", [event]);
  await new Promise((resolve) => setImmediate(resolve));
  return observed;
}

test("the lag of an event is observed once, when it was news to one of its watchers", async () => {
  expect(await observedBy([false, true, false, true])).toEqual([at]);
});

test("the lag of an event that was news to nobody is not observed", async () => {
  expect(await observedBy([false, false])).toEqual([]);
});
