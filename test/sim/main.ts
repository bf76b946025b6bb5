import { inspect } from "node:util";
import { simulate } from "./simulate.ts";
import { openSimulationStore } from "./simulation-store.ts";

/**
 * Runs simulations, one seed after the other, and prints what was not as promised, with everything that happened
 * in the first seed that showed it. Ends with 1 when anything was not. `SIM_SEEDS` (10,000) and `SIM_SEED` (1)
 * choose how many and from which on; with `SIM_SEEDS=1` what happens is printed in any case. `DATABASE_URL` puts
 * the store on PostgreSQL.
 */
const count = Number(process.env.SIM_SEEDS ?? 10_000);
const first = Number(process.env.SIM_SEED ?? 1);
const everySeeds = 1000;
const shownTraces = 3;

const store = await openSimulationStore();
const print = (line: string) => process.stdout.write(`${line}\n`);
const startedAt = performance.now();
let failed = 0;
let transfers = 0;
try {
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await simulate(seed, { ...store, traced: count === 1 });
    transfers += outcome.transfers;
    for (const line of outcome.trace) print(line);
    if (outcome.violations.length > 0) {
      failed += 1;
      for (const violation of outcome.violations) print(`seed ${seed}: VIOLATED ${violation}`);
      // The same happens again: nothing but the seed decides.
      if (count > 1 && failed <= shownTraces) {
        const { trace } = await simulate(seed, { ...store, traced: true });
        print(`What happened in seed ${seed} (SIM_SEED=${seed} SIM_SEEDS=1 npm run test:sim shows it again):`);
        for (const line of trace) print(line);
      }
    }
    const done = seed - first + 1;
    if (done % everySeeds === 0) print(`${done} seeds, ${failed} with violations`);
  }
} catch (error) {
  failed += 1;
  print(inspect(error));
} finally {
  await store.remove();
}
const seconds = (performance.now() - startedAt) / 1000;
print(
  `${count} seeds from ${first}, ${transfers} transfers, ${failed} with violations (${seconds.toFixed(0)} s, ` +
    `${(count / seconds).toFixed(0)} seeds a second)`,
);
process.exitCode = failed === 0 ? 0 : 1;
