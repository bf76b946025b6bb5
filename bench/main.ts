import { startBare, startPaygent } from "./bench-server.ts";
import { describeEnvironment } from "./environment.ts";
import { table } from "./report.ts";
import type { Figure, Scenario } from "./scenario.ts";
import { deltasTo } from "./scenarios/deltas.ts";
import { fanOut } from "./scenarios/fan-out.ts";
import { idle } from "./scenarios/idle.ts";
import { latency } from "./scenarios/latency.ts";
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
  paid,
  reconcile,
  scroll,
  soak,
];

/** Measures the named scenarios, or all but the long ones, on SQLite and, where DATABASE_URL is set, on PostgreSQL too. */
async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => scenarios.every((scenario) => scenario.name !== name));
  if (unknown !== undefined) {
    const known = scenarios.map(({ name }) => name).join(", ");
    throw new Error(`There is no scenario "${unknown}". There are: ${known}.`);
  }
  const chosen = scenarios.filter(
    ({ name, isLong }) => names.includes(name) || (names.length === 0 && isLong !== true),
  );
  print(describeEnvironment());

  print("\nSQLite, synchronous=FULL, beside a bare ws server\n");
  print(table(await measureAll(chosen, undefined), { hasTargets: true }));
  const { DATABASE_URL: databaseUrl = "" } = process.env;
  if (databaseUrl === "") return;
  print("\nPostgreSQL, beside a bare ws server\n");
  print(table(await measureAll(chosen, databaseUrl), { hasTargets: false }));
}

/** Every scenario has servers of its own, so that none inherits another's memory. */
async function measureAll(chosen: readonly Scenario[], databaseUrl: string | undefined): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const scenario of chosen) {
    process.stderr.write(`${scenario.name} …\n`);
    if ("runAlone" in scenario) {
      figures.push(...tell(await scenario.runAlone(databaseUrl), databaseUrl));
      continue;
    }
    const contestants = { paygent: await startPaygent(databaseUrl), bare: await startBare() };
    try {
      figures.push(...tell(await scenario.run(contestants), databaseUrl));
    } finally {
      await contestants.paygent.close();
      await contestants.bare.close();
    }
  }
  return figures;
}

function tell(figures: readonly Figure[], databaseUrl: string | undefined): readonly Figure[] {
  process.stderr.write(`${table(figures, { hasTargets: databaseUrl === undefined })}\n`);
  return figures;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main(process.argv.slice(2));
