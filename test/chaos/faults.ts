import { setTimeout as delay } from "node:timers/promises";
import type { Node } from "./nodes.ts";
import type { Service } from "./processes.ts";

/** A kind of fault, and how one is injected; it is over when the promise resolves. */
export interface Fault {
  readonly name: string;
  inject(node: Node): Promise<void>;
}

/** Everything that may happen while clients work. */
export function allFaults(given: {
  readonly postgres: Service;
  readonly nats: Service;
  random(limit: number): number;
}): Fault[] {
  const { postgres, nats, random } = given;
  return [
    {
      name: "node killed",
      async inject(node) {
        await node.kill();
        await delay(random(2000));
        await node.start();
      },
    },
    {
      name: "node stopped and woken",
      async inject(node) {
        node.signal("SIGSTOP");
        await delay(500 + random(5500));
        node.signal("SIGCONT");
      },
    },
    {
      name: "node restarted",
      async inject(node) {
        await node.terminate();
        await node.start();
      },
    },
    { name: "connections cut", inject: async (node) => node.proxy.cut() },
    {
      name: "connections delayed",
      async inject(node) {
        node.proxy.delayMs = 50 + random(200);
        await delay(1000 + random(1500));
        node.proxy.delayMs = 0;
      },
    },
    {
      name: "connections blackholed",
      async inject(node) {
        node.proxy.isBlackhole = true;
        await delay(1000 + random(3000));
        node.proxy.isBlackhole = false;
        // Bytes were lost, so what is left of these connections is no stream any more.
        node.proxy.cut();
      },
    },
    { name: "PostgreSQL restarted", inject: () => postgres.restart() },
    { name: "NATS killed", inject: () => nats.restart() },
  ];
}

/**
 * Injects faults one after the other until the time is up, each kind once before any comes again, and all of them
 * at least once. Gives how often each was injected.
 */
export async function injectFaults(
  faults: readonly Fault[],
  nodes: readonly Node[],
  run: { readonly seconds: number; random(limit: number): number; say(text: string): void },
): Promise<Map<string, number>> {
  const { random, say } = run;
  const end = Date.now() + run.seconds * 1000;
  const counts = new Map<string, number>();
  for (let round = 0; round === 0 || Date.now() < end; round++) {
    for (const { name, inject } of shuffled(faults, random)) {
      if (round > 0 && Date.now() >= end) break;
      await delay(300 + random(700));
      const node = nodes[random(nodes.length)];
      if (node === undefined) throw new Error("There are no nodes.");
      const startedAt = Date.now();
      await inject(node);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      say(`${name}: ${Date.now() - startedAt} ms`);
    }
  }
  return counts;
}

function shuffled<T>(items: readonly T[], random: (limit: number) => number): T[] {
  return items
    .map((item) => ({ item, place: random(1_000_000) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
