import type { Mutant } from "./mutant.ts";

export const clusterMutants: readonly Mutant[] = [
  {
    promise: "I27",
    defect: "A run that lost its lease may go on writing.",
    file: "src/runtime/run-log.ts",
    find: 'if (status !== "running" || owner !== nodeId || fence !== this.claim.fence) throw',
    replace: 'if (status !== "running" && owner !== nodeId && fence < 0) throw',
    test: "test/cluster-takeover.test.ts",
    onPostgres: true,
  },
  {
    promise: "I27",
    defect: "Leases go by each server's own clock.",
    file: "src/cluster/database-clock.ts",
    find: "now: () => Math.floor(performance.now() + offset),",
    replace: "now: () => Date.now() + 0 * offset,",
    test: "test/cluster-takeover.test.ts",
    onPostgres: true,
  },
  {
    promise: "I16",
    defect: "Nobody looks for what lost hints would have told.",
    file: "src/cluster/hint-bus.ts",
    find: "    const ids = this.#sessions.sessionIds;",
    replace: "    const ids = this.#sessions.sessionIds.slice(0, 0);",
    test: "test/cluster-events.test.ts",
    onPostgres: true,
  },
  {
    promise: "I6",
    defect: "A cancellation is not passed on to the server where the execution runs.",
    file: "src/runtime/worker.ts",
    find: 'if (here === undefined) this.#runtime.bus.signal({ kind: "cancel", executionId });',
    replace: "if (here === undefined) return;",
    test: "test/cluster-commands.test.ts",
    onPostgres: true,
  },
];
