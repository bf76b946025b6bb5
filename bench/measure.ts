import type { BenchServer } from "./bench-server.ts";
import type { Contestants, Load } from "./scenario.ts";

const repetitions = 3;

/** The value below which half of the values lie. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

type Values<Name extends string> = Readonly<Record<Name, number>>;

interface Measured<Name extends string> {
  readonly values: Values<Name>;
  readonly load: Load;
}

/** Measures both servers in turns, and gives the medians of each. */
export async function inTurns<Name extends string>(
  { paygent, bare }: Contestants,
  work: (server: BenchServer) => Promise<Values<Name>>,
): Promise<{ ours: Values<Name>; baseline: Values<Name>; load: Load }> {
  const ours: Measured<Name>[] = [];
  const baseline: Measured<Name>[] = [];
  for (let done = 0; done < repetitions; done++) {
    ours.push(await measure(paygent, () => work(paygent)));
    baseline.push(await measure(bare, () => work(bare)));
  }
  return {
    ours: medians(ours),
    baseline: medians(baseline),
    load: {
      server: median(ours.map(({ load }) => load.server)),
      clients: median(ours.map(({ load }) => load.clients)),
    },
  };
}

/** Does the work and says how busy it kept the server and this process, which plays the clients. */
async function measure<Name extends string>(
  server: BenchServer,
  work: () => Promise<Values<Name>>,
): Promise<Measured<Name>> {
  const before = await server.usage("cpu");
  const clientsBefore = process.cpuUsage();
  const from = performance.now();
  const values = await work();
  const micros = (performance.now() - from) * 1000;
  const { user, system } = process.cpuUsage(clientsBefore);
  const after = await server.usage("cpu");
  return {
    values,
    load: { server: (after.cpuMicros - before.cpuMicros) / micros, clients: (user + system) / micros },
  };
}

function medians<Name extends string>(measured: readonly Measured<Name>[]): Values<Name> {
  const names = Object.keys(measured[0]?.values ?? {});
  const entries = names.map((name) => [name, median(measured.map(({ values }) => values[name as Name]))]);
  // The names are those of the values.
  return Object.fromEntries(entries) as Values<Name>;
}

/** The item at a place where there is one. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index} of ${items.length}.`);
  return item;
}

/** Does `count` things, so many at a time. */
export async function each<T>(count: number, atOnce: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const hand = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: atOnce }, hand));
  return results;
}
