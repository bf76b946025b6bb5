import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import type { Store } from "./database.ts";
import { migrate } from "./migrate.ts";
import { errorCode, isLostConnection, unreachable } from "./outage.ts";
import type { Database } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** Opens the database at `url`, which any number of processes may share. */
export async function openPostgresStore(url: string): Promise<Store> {
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

/** Opens the database to look at it. */
export async function readPostgres(url: string): Promise<Pick<Store, "db" | "close">> {
  const db = await openPostgres(url);
  return { db, close: () => db.destroy() };
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
