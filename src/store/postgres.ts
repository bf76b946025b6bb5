import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import { BatchingSocket } from "./batching-socket.ts";
import type { Store } from "./database.ts";
import { migrate } from "./migrate.ts";
import { errorCode, unreachable } from "./outage.ts";
import { isStalePlan, PostgresUnits, preparedQuery, type QueryArguments, query } from "./postgres-unit.ts";
import { type Database, takeDirectWay } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** Opens the database at `url`, which any number of processes may share. */
export async function openPostgresStore(url: string): Promise<Store> {
  const pool = await openPool(url);
  const db = reading(pool);
  try {
    await migrate(db, "the database at DATABASE_URL");
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { dialect: "postgres", db, write: writing(pool), close: () => db.destroy() };
}

/** Opens the database to look at it. */
export async function readPostgres(url: string): Promise<Pick<Store, "db" | "close">> {
  const db = reading(await openPool(url));
  return { db, close: () => db.destroy() };
}

/**
 * A process that is stopped or cut off amid a transaction holds its rows, and nobody could take over what it
 * did: after this long the server ends the transaction. Well below the lease.
 */
const idleInTransactionMs = 3000;

/** A pool of connections to a server that answers. */
async function openPool(url: string): Promise<pg.Pool> {
  const { default: pg } = await import("pg");
  const types = new pg.TypeOverrides();
  // int8 columns hold seqs and USD millionths, all far below 2^53.
  types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({
    connectionString: url,
    max: 16,
    types,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    pipeline: true,
    stream: () => new BatchingSocket(),
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
  return pool;
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return pool.connect().catch((error: unknown) => {
    throw unreachable(error);
  });
}

/** What reads committed state, each query on whatever connection is free. */
function reading(pool: pg.Pool): Database {
  const read = async (...given: QueryArguments) => {
    const client = await connect(pool);
    try {
      return await query(client, ...given);
    } finally {
      client.release();
    }
  };
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: reportingPool(pool) }) });
  const run = async (statement: Parameters<typeof preparedQuery>[0]) => {
    try {
      return (await read(...preparedQuery(statement))).rows;
    } catch (error) {
      if (!isStalePlan(error)) throw error;
      return (await read(...preparedQuery(statement))).rows;
    }
  };
  takeDirectWay(db, { run, send: async (statement) => void (await run(statement)) });
  return db;
}

/** The pool as Kysely sees it: what fails because the server cannot be reached says `unavailable`. */
function reportingPool(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await connect(pool);
      const run = (sql: string, parameters: readonly unknown[]) => query(client, sql, [...parameters]);
      return {
        // No cursors are configured, so all that comes in is a statement with its parameters.
        query: run as unknown as PostgresPoolClient["query"],
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

function writing(pool: pg.Pool): Store["write"] {
  const connections = new WeakMap<pg.PoolClient, PostgresUnits>();
  const attempt = async <T>(unit: (tx: Database) => Promise<T>): Promise<T> => {
    const client = await connect(pool);
    const units = connections.get(client) ?? new PostgresUnits(client);
    connections.set(client, units);
    try {
      return await units.transact(unit);
    } finally {
      client.release(units.isBroken);
    }
  };
  return async (unit) => {
    for (let tried = 1; ; tried++) {
      try {
        return await attempt(unit);
      } catch (error) {
        if (tried === 5 || !(retryable.has(errorCode(error)) || isStalePlan(error))) throw error;
      }
    }
  };
}
