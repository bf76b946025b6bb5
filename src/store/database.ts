import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type SqliteDatabase,
  SqliteDialect,
} from "kysely";
import { Migrator } from "kysely/migration";
import type pg from "pg";
import { lockFile } from "./file-lock.ts";
import { GroupCommit } from "./group-commit.ts";
import { migrations } from "./migrations.ts";
import { committedSqlite, nodeSqlite, openSqlite } from "./node-sqlite.ts";
import { errorCode, isFull, isLostConnection, unreachable, unwritable } from "./outage.ts";
import { type Database, queryAtOnce } from "./statement.ts";
import type { Dialect, Tables } from "./tables.ts";

/** The durable state of a server. */
export interface Store {
  readonly dialect: Dialect;
  /** Reads committed state. */
  readonly db: Database;
  /**
   * Runs `unit` in a transaction and resolves once it is on disk; rejects, with nothing changed, when the
   * unit throws. The unit awaits only queries on `tx`, and on PostgreSQL may be run again after a deadlock.
   * Throws `unavailable` when the database cannot write.
   */
  write<T>(unit: (tx: Database) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Opens the embedded store in `dataDir`, or the PostgreSQL server at `url`, and brings its tables up to date. */
export async function openStore(where: { dataDir: string } | { url: string }): Promise<Store> {
  return "url" in where ? openPostgresStore(where.url) : openSqliteStore(where.dataDir);
}

async function openSqliteStore(dataDir: string): Promise<Store> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "paygent.db");
  for (const path of [join(dataDir, "server.lock"), file]) keepToOwner(path);
  const lock = lockFile(
    join(dataDir, "server.lock"),
    `Another Paygent server already uses the data folder ${dataDir}. Stop it, or set PAYGENT_DATA_DIR to another folder.`,
  );
  let writer: DatabaseSync;
  try {
    writer = openSqlite(file);
    const check = writer.prepare("PRAGMA quick_check(1)").get();
    if (check?.quick_check !== "ok") throw new Error(String(check?.quick_check));
  } catch (error) {
    lock.close();
    throw new Error(
      `The database file ${file} is damaged or is no SQLite database. Restore it from a backup, or move it away to start with an empty one.`,
      { cause: error },
    );
  }
  const reader = openSqlite(file);
  reader.exec("PRAGMA query_only = ON");
  const writing = embeddedKysely(nodeSqlite(writer));
  const reading = embeddedKysely(committedSqlite(writer, reader));
  await migrate(writing, file);
  const commits = new GroupCommit(writer, writing);
  return {
    dialect: "sqlite",
    db: reading,
    write: (unit) =>
      commits.write(unit).catch((error: unknown) => {
        throw isFull(error) ? unwritable(error) : error;
      }),
    async close() {
      await commits.drained();
      await reading.destroy();
      await writing.destroy();
      lock.close();
    },
  };
}

/**
 * Opens a store to look at it, also while a server uses it: nothing is locked, migrated or written. Rejects
 * with a sentence when there is none.
 */
export async function openStoreForReading(
  where: { dataDir: string } | { url: string },
): Promise<Pick<Store, "db" | "close">> {
  if ("url" in where) {
    const db = await openPostgres(where.url);
    return { db, close: () => db.destroy() };
  }
  const file = join(where.dataDir, "paygent.db");
  if (!existsSync(file)) {
    throw new Error(`There is no database at ${file}. Set PAYGENT_DATA_DIR to the server's data folder.`);
  }
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  const db = embeddedKysely(nodeSqlite(database));
  return { db, close: () => db.destroy() };
}

function embeddedKysely(database: SqliteDatabase): Database {
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  queryAtOnce(db, (sql, parameters) => {
    const statement = database.prepare(sql);
    if (statement.reader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  });
  return db;
}

/** SQLite gives the files beside a database (`-wal`, `-shm`) the mode of the database itself. */
function keepToOwner(file: string): void {
  closeSync(openSync(file, "a", 0o600));
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
}

async function openPostgresStore(url: string): Promise<Store> {
  const db = await openPostgres(url);
  try {
    await migrate(db, "the database at DATABASE_URL");
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    dialect: "postgres",
    db,
    write: (unit) => writePostgres(db, unit),
    close: () => db.destroy(),
  };
}

/**
 * A process that is stopped or cut off amid a transaction holds its rows, and nobody could take over what it
 * did: after this long the server ends the transaction. Well below the lease.
 */
const idleInTransactionMs = 3000;

/** A pool of connections to a server that answers. */
async function openPostgres(url: string): Promise<Database> {
  const { default: pg } = await import("pg");
  const types = new pg.TypeOverrides();
  // int8 columns hold seqs and USD millionths, all far below 2^53.
  types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({
    connectionString: url,
    max: 16,
    types,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  });
  // A connection that breaks is replaced by the pool, and a query on it fails; without listeners it would also
  // end the process, when it breaks in the pool and when it breaks between two queries of a transaction.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  try {
    await pool.query("select 1");
  } catch (error) {
    await pool.end();
    const code = errorCode(error) ?? "no answer";
    throw new Error(
      `The PostgreSQL server at DATABASE_URL cannot be used (${code}). Start it, correct DATABASE_URL, or unset it to use SQLite.`,
      { cause: error },
    );
  }
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: reportingPool(pool) }) });
}

/** The pool as Kysely sees it: what fails because the server cannot be reached says `unavailable`. */
function reportingPool(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw unreachable(error);
      });
      const query = (sql: string, parameters: readonly unknown[]) =>
        client.query(sql, [...parameters]).catch((error: unknown) => {
          throw isLostConnection(error) ? unreachable(error) : error;
        });
      return {
        // No cursors are configured, so all that comes in is a statement with its parameters.
        query: query as unknown as PostgresPoolClient["query"],
        release: (destroy) => client.release(destroy),
      };
    },
  };
}

/**
 * Serialization failures and deadlocks change nothing and are meant to be tried again. A unique violation is
 * a race that was lost: when the unit runs again it finds the row that it looked for in vain.
 */
const retryable: ReadonlySet<unknown> = new Set(["40001", "40P01", "23505"]);

async function writePostgres<T>(db: Database, unit: (tx: Database) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(unit);
    } catch (error) {
      if (!retryable.has(errorCode(error)) || attempt === 5) throw error;
    }
  }
}

async function migrate(db: Database, name: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations() } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && /previously executed migration/.test(error.message)) {
    throw new Error(`${name} was written by a newer version of Paygent. Start that version, or use another database.`, {
      cause: error,
    });
  }
  throw error;
}
