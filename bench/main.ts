import { startBare, startPaygent } from "./bench-server.ts";
import { describeEnvironment } from "./environment.ts";
import { table } from "./report.ts";
import type { Figure, Scenario } from "./scenario.ts";
import { archive } from "./scenarios/archive.ts";
import { connects } from "./scenarios/connects.ts";
import { deltasTo } from "./scenarios/deltas.ts";
import { fanOut } from "./scenarios/fan-out.ts";
import { idle } from "./scenarios/idle.ts";
import { latency } from "./scenarios/latency.ts";
import { nodesLatency } from "./scenarios/nodes-latency.ts";
import { nodesParked } from "./scenarios/nodes-parked.ts";
import { nodesRuns } from "./scenarios/nodes-runs.ts";
import { nodesTakeover } from "./scenarios/nodes-takeover.ts";
import { paid } from "./scenarios/paid.ts";
import { parked } from "./scenarios/parked.ts";
import { reconcile } from "./scenarios/reconcile.ts";
import { reconnect } from "./scenarios/reconnect.ts";
import { runsAtOnce } from "./scenarios/runs.ts";
import { scroll } from "./scenarios/scroll.ts";
import { soak } from "./scenarios/soak.ts";

const scenarios: readonly Scenario[] = [
  latency,
  runsAtOnce(16, 600),
  runsAtOnce(64, 1000),
  deltasTo(1, 50_000),
  deltasTo(100, 150_000),
  fanOut({ sessions: 1, watchersEach: 1000, eventsPerSecond: 50, target: 50 }),
  fanOut({ sessions: 100, watchersEach: 100, eventsPerSecond: 5, target: 150 }),
  parked,
  idle,
  reconnect,
  nodesLatency,
  nodesTakeover,
  nodesRuns,
  nodesParked,
  connects,
  paid,
  reconcile,
  scroll,
  soak,
  archive,
];

/**
 * Measures the named scenarios, or all but the long ones, on SQLite and, where DATABASE_URL is set, on PostgreSQL
 * too. A name stands for all that begin with it: `nodes` for `nodes-latency` and the others.
 */
async function main(words: readonly string[]): Promise<void> {
  const meant = (word: string) => scenarios.filter(({ name }) => name === word || name.startsWith(`${word}-`));
  const unknown = words.find((word) => meant(word).length === 0);
  if (unknown !== undefined) {
    const known = scenarios.map(({ name }) => name).join(", ");
    throw new Error(`There is no scenario "${unknown}". There are: ${known}.`);
  }
  const named = new Set(words.flatMap(meant));
  const chosen = scenarios.filter(
    (scenario) => named.has(scenario) || (words.length === 0 && scenario.isLong !== true),
  );
  const [several, single] = [true, false].map((is) => chosen.filter(({ isOfSeveral = false }) => isOfSeveral === is));
  const { DATABASE_URL: databaseUrl = "" } = process.env;
  if (databaseUrl === "" && single?.length === 0)
    throw new Error("Several servers share a PostgreSQL server: set DATABASE_URL to one where databases may be made.");
  print(describeEnvironment());

  await report("SQLite, synchronous=FULL, beside a bare ws server", single, { hasTargets: true });
  if (databaseUrl === "") return;
  await report("PostgreSQL, beside a bare ws server", single, { hasTargets: false }, databaseUrl);
  await report("Several servers on one PostgreSQL, beside pg alone", several, { hasTargets: true }, databaseUrl);
}

async function report(
  title: string,
  chosen: readonly Scenario[] = [],
  style: { hasTargets: boolean },
  databaseUrl?: string,
): Promise<void> {
  if (chosen.length === 0) return;
  const figures = await measureAll(chosen, databaseUrl, style);
  print(`\n${title}\n\n${table(figures, style)}`);
}

/** Every scenario has servers of its own, so that none inherits another's memory. */
async function measureAll(
  chosen: readonly Scenario[],
  databaseUrl: string | undefined,
  style: { hasTargets: boolean },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const tell = (measured: readonly Figure[]) => {
    process.stderr.write(`${table(measured, style)}\n`);
    figures.push(...measured);
  };
  for (const scenario of chosen) {
    process.stderr.write(`${scenario.name} …\n`);
    if ("runAlone" in scenario) {
      tell(await scenario.runAlone(databaseUrl));
      continue;
    }
    const contestants = { paygent: await startPaygent(databaseUrl), bare: await startBare() };
    try {
      tell(await scenario.run(contestants));
    } finally {
      await contestants.paygent.close();
      await contestants.bare.close();
    }
  }
  return figures;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main(process.argv.slice(2));
