import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import { errorCode } from "./outage.ts";
import type { Database } from "./statement.ts";

type Migrations = Readonly<Record<string, Migration>>;

/** A lock that was not to be had in time, and a deadlock: nothing was changed, and it may go better next time. */
const passing: ReadonlySet<unknown> = new Set(["55P03", "40P01"]);
const attempts = 120;
const pauseMs = 1000;
const lockTimeout = "250ms";

/**
 * Brings the tables of a PostgreSQL database up to date while servers use it. One process migrates, others
 * that start meanwhile wait for it. Whoever waits for a table holds up all who want it after him, so a
 * migration waits a quarter of a second at most, lets everybody pass, and tries again.
 */
export async function migratePostgres(db: Database, all: Migrations = migrations()): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const error = await tryMigrate(db, impatient(all));
    if (error === undefined) return;
    if (!passing.has(errorCode(error))) throw explained(error, "The database at DATABASE_URL");
    if (attempt === attempts) {
      throw new Error(
        "The tables of the database at DATABASE_URL could not be brought up to date: a transaction of somebody else holds one of them. End it (pg_stat_activity names it), and start again.",
        { cause: error },
      );
    }
    await delay(pauseMs);
  }
}

/** Brings the tables of an embedded database up to date, as a whole or not at all. */
export async function migrateSqlite(db: Database, file: string, all: Migrations = migrations()): Promise<void> {
  // Kysely holds that SQLite cannot undo changes of tables, and would leave half of them after a crash. It can.
  await sql`begin immediate`.execute(db);
  const error = await tryMigrate(db, all);
  await sql.raw(error === undefined ? "commit" : "rollback").execute(db);
  if (error !== undefined) throw explained(error, file);
}

/** The store, unless its tables are older than what this version reads: then it is closed, and a sentence thrown. */
export async function migrated<T extends { readonly db: Database; close(): Promise<void> }>(
  name: string,
  store: T,
): Promise<T> {
  const migrator = new Migrator({ db: store.db, provider: { getMigrations: async () => migrations() } });
  const applied = await migrator.getMigrations();
  if (applied.every(({ executedAt }) => executedAt !== undefined)) return store;
  await store.close();
  throw new Error(
    `${name} was last used by an older version of Paygent. Start a server of this version on it once, which brings its tables up to date.`,
  );
}

async function tryMigrate(db: Database, all: Migrations): Promise<unknown> {
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => all } }).migrateToLatest();
  return error;
}

function impatient(all: Migrations): Migrations {
  const entries = Object.entries(all).map(([name, { up }]): [string, Migration] => [
    name,
    {
      async up(db) {
        await sql`set local lock_timeout = ${sql.lit(lockTimeout)}`.execute(db);
        await up(db);
      },
    },
  ]);
  return Object.fromEntries(entries);
}

function explained(error: unknown, name: string): unknown {
  if (!(error instanceof Error) || !/previously executed migration/.test(error.message)) return error;
  return new Error(`${name} was written by a newer version of Paygent. Start that version, or use another database.`, {
    cause: error,
  });
}
