import { setTimeout as delay } from "node:timers/promises";
import type { Node } from "./nodes.ts";
import type { Service } from "./processes.ts";

/** A kind of fault, and how one is injected; it is over when the promise resolves. */
export interface Fault {
  readonly name: string;
  /** Whether it is a node's own, and so may come beside another one's. */
  readonly isOfNode: boolean;
  inject(node: Node): Promise<void>;
}

/** How long a server may take to go: ten seconds (I29), on a machine that does much else. */
const goneMs = 20_000;

/** Everything that may happen while clients work. */
export function allFaults(given: {
  readonly postgres: Service;
  readonly nats: Service;
  random(limit: number): number;
  /** Told of a node that did what it must not do however it fares. */
  complain(sentence: string): void;
}): Fault[] {
  const { postgres, nats, random, complain } = given;
  const ofNode = (name: string, inject: Fault["inject"]): Fault => ({ name, isOfNode: true, inject });
  const ofService = (name: string, { restart }: Service): Fault => ({ name, isOfNode: false, inject: () => restart() });
  return [
    ofNode("node killed", async (node) => {
      await node.kill();
      await delay(random(2000));
      await node.start();
    }),
    ofNode("node stopped and woken", async (node) => {
      node.signal("SIGSTOP");
      await delay(500 + random(5500));
      node.signal("SIGCONT");
    }),
    ofNode("node restarted", async (node) => {
      const askedAt = Date.now();
      const code = await node.terminate();
      const tookMs = Date.now() - askedAt;
      await node.start();
      if (code !== 0) complain(`a server that was asked to go ended with ${code}`);
      if (tookMs > goneMs) complain(`a server that was asked to go took ${tookMs} ms`);
    }),
    ofNode("connections cut", async (node) => node.proxy.cut()),
    ofNode("connections delayed", async (node) => {
      node.proxy.delayMs = 50 + random(200);
      await delay(1000 + random(1500));
      node.proxy.delayMs = 0;
    }),
    ofNode("connections blackholed", async (node) => {
      node.proxy.isBlackhole = true;
      await delay(1000 + random(3000));
      node.proxy.isBlackhole = false;
      // Bytes were lost, so what is left of these connections is no stream any more.
      node.proxy.cut();
    }),
    ofService("PostgreSQL restarted", postgres),
    ofService("NATS killed", nats),
  ];
}

/** What became of a run's faults. */
export interface Injected {
  readonly counts: ReadonlyMap<string, number>;
  /** How often two came at once. */
  readonly pairs: number;
}

/**
 * Injects faults until the time is up, each kind once before any comes again, and all of them at least once. Every
 * third comes together with one of another node.
 */
export async function injectFaults(
  faults: readonly Fault[],
  nodes: readonly Node[],
  run: { readonly seconds: number; random(limit: number): number; say(text: string): void },
): Promise<Injected> {
  const { random, say } = run;
  const end = Date.now() + run.seconds * 1000;
  const counts = new Map<string, number>();
  const ofNodes = faults.filter(({ isOfNode }) => isOfNode);
  let pairs = 0;
  const inject = async ({ name, inject }: Fault, node: Node) => {
    const startedAt = Date.now();
    await inject(node);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    say(`${name}: ${Date.now() - startedAt} ms`);
  };
  for (let round = 0; round === 0 || Date.now() < end; round++) {
    for (const fault of shuffled(faults, random)) {
      if (round > 0 && Date.now() >= end) break;
      await delay(300 + random(700));
      const [node, another] = shuffled(nodes, random);
      const beside = random(3) === 0 ? ofNodes[random(ofNodes.length)] : undefined;
      if (node === undefined || another === undefined) throw new Error("There are not enough nodes.");
      if (beside !== undefined) pairs += 1;
      await Promise.all([inject(fault, node), ...(beside === undefined ? [] : [inject(beside, another)])]);
    }
  }
  return { counts, pairs };
}

function shuffled<T>(items: readonly T[], random: (limit: number) => number): T[] {
  return items
    .map((item) => ({ item, place: random(1_000_000) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
