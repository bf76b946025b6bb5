import { join } from "node:path";
import { adoptAnvil } from "../src/payments/anvil.ts";
import { crashRound } from "../test/support/crash-round.ts";
import { testDatabase } from "../test/support/database.ts";

/**
 * Kills real servers between any two steps of a payment and anywhere else, and prints where it did and what was
 * not as promised. Ends with 1 when anything was not. `CRASH_KILLS` (200) and `CRASH_SEED` (1) choose how often
 * and which; `DATABASE_URL` puts the servers on PostgreSQL.
 */
const kills = Number(process.env.CRASH_KILLS ?? 200);
const firstSeed = Number(process.env.CRASH_SEED ?? 1);
const killsARound = 20;
const places = new Map<string, number>();
const violations: string[] = [];
let paidMicros = 0n;

for (let seed = firstSeed, left = kills; left > 0; seed++, left -= killsARound) {
  const database = await testDatabase();
  try {
    const report = await crashRound({ database, kills: Math.min(left, killsARound), seed });
    for (const [place, count] of report.kills) places.set(place, (places.get(place) ?? 0) + count);
    violations.push(...report.violations.map((violation) => `seed ${seed}: ${violation}`));
    paidMicros += report.paidMicros;
  } catch (error) {
    violations.push(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await (await adoptAnvil(join(database.dataDir, "chain")))?.close();
    await database.remove();
  }
  process.stdout.write(
    `seed ${seed}: ${kills - Math.max(0, left - killsARound)} kills, ${violations.length} violations\n`,
  );
}

for (const [place, count] of [...places].sort()) process.stdout.write(`${String(count).padStart(4)} ${place}\n`);
for (const violation of violations) process.stdout.write(`VIOLATED ${violation}\n`);
const total = [...places.values()].reduce((sum, count) => sum + count, 0);
process.stdout.write(`${total} kills, ${paidMicros} millionths of a USD paid, ${violations.length} violations\n`);
process.exitCode = violations.length === 0 && total === kills ? 0 : 1;
