import type { Mutant } from "./mutant.ts";

export const migrationMutants: readonly Mutant[] = [
  {
    promise: "A3",
    defect: "A migration waits for a table for as long as it takes, and everybody behind it.",
    file: "src/store/migrate.ts",
    find: 'const lockTimeout = "250ms";',
    replace: 'const lockTimeout = "1h";',
    test: "test/migrations.test.ts",
    onPostgres: true,
  },
  {
    promise: "A3",
    defect: "A migration that did not get a table is given up.",
    file: "src/store/migrate.ts",
    find: 'new Set(["55P03", "40P01"])',
    replace: 'new Set(["40P01"])',
    test: "test/migrations.test.ts",
    onPostgres: true,
  },
  {
    promise: "A3",
    defect: "Half of a migration stays after a failure on SQLite.",
    file: "src/store/migrate.ts",
    find: 'error === undefined ? "commit" : "rollback"',
    replace: 'error === undefined ? "commit" : "commit"',
    test: "test/migrations.test.ts",
  },
];
