import { openPostgresStore, postgresBeside, readPostgres } from "./postgres.ts";
import type { PostgresOptions } from "./postgres-server.ts";
import { openSqliteStore, readSqlite, sqliteBeside } from "./sqlite.ts";
import type { Database } from "./statement.ts";
import type { Dialect } from "./tables.ts";

/** The durable state of a server. */
export interface Store {
  readonly dialect: Dialect;
  /** Reads committed state. */
  readonly db: Database;
  /**
   * Runs `unit` in a transaction and resolves once it is on disk; rejects, with nothing changed, when the
   * unit throws. The unit awaits only queries on `tx`, and on PostgreSQL may be run again after a deadlock.
   * Throws `unavailable` when the database cannot write, or more waits to be written than it can.
   */
  write<T>(unit: (tx: Database) => Promise<T>, options?: WriteOptions): Promise<T>;
  close(): Promise<void>;
}

export interface WriteOptions {
  /**
   * The session that the unit begins with `lockSession` of: on PostgreSQL it shares its transaction with units of
   * other sessions, and runs again alone if it must.
   */
  readonly sessionId?: string;
  /** The user for whom alone it is done: on PostgreSQL few such units of a user are under way at once. */
  readonly userId?: string;
  /** Whether it must not wait behind other units, as what says that this server is alive. */
  readonly isUrgent?: boolean;
}

/** The data folder of an embedded store, or the address of a database of PostgreSQL. */
export type StorePlace = { readonly dataDir: string } | { readonly url: string };

/** Opens the embedded store in `dataDir`, or the PostgreSQL server at `url`, and brings its tables up to date. */
export async function openStore(where: { dataDir: string } | PostgresOptions): Promise<Store> {
  return "url" in where ? openPostgresStore(where) : openSqliteStore(where.dataDir);
}

/**
 * Opens a store to look at it, also while a server uses it: nothing is locked, migrated or written. Rejects
 * with a sentence when there is none, or when its tables are older than this version.
 */
export async function openStoreForReading(where: StorePlace): Promise<Pick<Store, "db" | "close">> {
  return "url" in where ? readPostgres(where) : readSqlite(where.dataDir);
}

/** Opens a store to write to it beside the servers that use it, in short transactions. Rejects as for reading. */
export async function openStoreBeside(where: StorePlace): Promise<Store> {
  return "url" in where ? postgresBeside(where) : sqliteBeside(where.dataDir);
}
