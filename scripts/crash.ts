import { join } from "node:path";
import { endLocalChain } from "../src/payments/local-transfers.ts";
import { crashRound } from "../test/support/crash-round.ts";
import { type TestDatabase, testDatabase } from "../test/support/database.ts";
import type { Moment } from "../test/support/fault-points.ts";
import { rollingRestarts } from "../test/support/rolling-restarts.ts";
import { seededRandom } from "../test/support/seeded-random.ts";
import { zombieRound } from "../test/support/zombie-round.ts";

/**
 * Kills real servers between any two steps of a payment and anywhere else, and prints where it did and what was
 * not as promised. On PostgreSQL it can also stop servers in mid-step and wake them when another has taken over, and
 * restart servers in turn under load. Ends with 1 when anything was not as promised. `CRASH_KILLS` (200),
 * `CRASH_STOPS` (0), `CRASH_RESTARTS` (0) and `CRASH_SEED` (1) choose how often and which; `DATABASE_URL` puts the
 * servers on PostgreSQL.
 */
const kills = Number(process.env.CRASH_KILLS ?? 200);
const stops = Number(process.env.CRASH_STOPS ?? 0);
const restarts = Number(process.env.CRASH_RESTARTS ?? 0);
const firstSeed = Number(process.env.CRASH_SEED ?? 1);
const isOnPostgres = (process.env.DATABASE_URL ?? "") !== "";
const faultsARound = 20;
const sessions = 8;
const moments: readonly Moment[] = ["reserved", "signed", "stored", "sending", "model", "read", "write"];
const places = new Map<string, number>();
const violations: string[] = [];
let paidMicros = 0n;

if (stops + restarts > 0 && !isOnPostgres)
  throw new Error("Servers that are stopped or restarted need others beside them: set DATABASE_URL to a PostgreSQL.");

await rounds("kills", kills, async (database, count, seed) => {
  // Of two servers one lives on and takes over; the SQLite of a folder serves one alone.
  const isPaired = isOnPostgres && seed % 2 === 0;
  const report = await crashRound({ database, kills: count, seed, isPaired });
  for (const [place, times] of report.kills) places.set(place, (places.get(place) ?? 0) + times);
  paidMicros += report.paidMicros;
  return report.violations;
});
await rounds("stops", stops, async (database, count, seed) => {
  const random = seededRandom(seed);
  const round = Array.from({ length: count }, () => ({
    moment: moments[random(moments.length)] ?? "model",
    wakes: random(2) === 0 ? ("on takeover" as const) : ("at the end" as const),
  }));
  for (const { moment } of round) {
    const place = `stopped: ${moment}`;
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  return await zombieRound(database, round);
});
await rounds("restarts", restarts, async (database, count, seed) => {
  places.set("restarted", (places.get("restarted") ?? 0) + count);
  return await rollingRestarts(database, { restarts: count, sessions, seed });
});

for (const [place, count] of [...places].sort()) say(`${String(count).padStart(4)} ${place}`);
for (const violation of violations) say(`VIOLATED ${violation}`);
const total = [...places.values()].reduce((sum, count) => sum + count, 0);
say(`${total} faults, ${paidMicros} millionths of a USD paid under kills, ${violations.length} violations`);
process.exitCode = violations.length === 0 && total === kills + stops + restarts ? 0 : 1;

/** So many faults, some at a time, each time on a fresh database and chain. */
async function rounds(
  what: string,
  count: number,
  run: (database: TestDatabase, count: number, seed: number) => Promise<readonly string[]>,
): Promise<void> {
  for (let seed = firstSeed, left = count; left > 0; seed++, left -= faultsARound) {
    const database = await testDatabase();
    try {
      const found = await run(database, Math.min(left, faultsARound), seed);
      violations.push(...found.map((violation) => `${what}, seed ${seed}: ${violation}`));
    } catch (error) {
      violations.push(`${what}, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await endLocalChain(join(database.dataDir, "chain"));
      await database.remove();
    }
    say(`seed ${seed}: ${count - Math.max(0, left - faultsARound)} ${what}, ${violations.length} violations`);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
