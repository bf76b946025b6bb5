import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import { PaygentError } from "../protocol/errors.ts";
import type { Store } from "./database.ts";
import { migrated, migratePostgres } from "./migrate.ts";
import { errorCode, unreachable } from "./outage.ts";
import { type Alone, PostgresGroups } from "./postgres-groups.ts";
import { type Asked, PostgresReads } from "./postgres-reads.ts";
import { newPool, openPool, openSlowPool, type PostgresOptions, requireUsable } from "./postgres-server.ts";
import { PostgresTurns } from "./postgres-turns.ts";
import { isStalePlan, PostgresUnits, preparedQuery, query } from "./postgres-unit.ts";
import { type BoundStatement, type Database, takeDirectWay } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** Opens a database that any number of processes may share. Rejects with a sentence that says why it cannot be used. */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const pools = await openPools(options);
  try {
    await requireUsable(pools.short);
    await bringUpToDate(options.url);
  } catch (error) {
    await endAll(pools);
    throw error;
  }
  return storeOf(pools);
}

/** Connections for what is short, and others for reads that may be long: nothing that runs waits behind somebody's list. */
interface Pools {
  readonly short: pg.Pool;
  readonly long: pg.Pool;
}

/** Four each for groups and for reads, eight for units of their own, and one that is left for the heartbeat. */
const shortAtOnce = 17;
const longAtOnce = 6;

async function openPools(options: PostgresOptions, config: pg.PoolConfig = {}): Promise<Pools> {
  const short = await openPool(options, { max: shortAtOnce, ...config });
  return { short, long: await newPool(options.url, { max: longAtOnce, ...config }) };
}

async function endAll({ short, long }: Pools): Promise<void> {
  await Promise.all([short, long].map((pool) => (pool.ending ? undefined : pool.end())));
}

function storeOf(pools: Pools): Store {
  const { short: pool } = pools;
  const db = reading(pools);
  const write = writing(pool);
  const turns = new PostgresTurns();
  const groups = new PostgresGroups({
    group: (units) => onConnection(pool, (connection) => connection.group(units)),
    alone: (unit) => turns.take(() => write(unit)),
  });
  return {
    dialect: "postgres",
    db,
    write(unit, { sessionId, userId, isUrgent } = {}) {
      if (sessionId !== undefined) return groups.write(sessionId, unit);
      return isUrgent === true ? write(unit) : turns.take(() => write(unit), userId);
    },
    close: () => close(db, pools),
  };
}

/** Kysely ends a pool only where it has used it itself. */
async function close(db: Database, pools: Pools): Promise<void> {
  await db.destroy();
  await endAll(pools);
}

const named = "The database at DATABASE_URL";

/** Opens the database to look at it, for as long as that takes: it holds no row. */
export async function readPostgres(options: PostgresOptions): Promise<Pick<Store, "db" | "close">> {
  const pools = await openPools(options, { idle_in_transaction_session_timeout: 0 });
  const db = reading(pools);
  return migrated(named, { db, close: () => close(db, pools) });
}

/** Opens the database for a process that writes to it beside the servers. */
export async function postgresBeside(options: PostgresOptions): Promise<Store> {
  return migrated(named, storeOf(await openPools(options)));
}

const insufficientPrivilege = "42501";

async function bringUpToDate(url: string): Promise<void> {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: await openSlowPool(url) }) });
  try {
    await migratePostgres(db);
  } catch (error) {
    if (errorCode(error) !== insufficientPrivilege || !(error instanceof Error)) throw error;
    throw new Error(
      `The user of DATABASE_URL may not make and change Paygent's tables there (${error.message}). Let this user own the database, or grant it all on schema public and on the tables in it.`,
      { cause: error },
    );
  } finally {
    await db.destroy();
  }
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return pool.connect().catch((error: unknown) => {
    throw unreachable(error);
  });
}

/** What reads committed state, each query on whatever connection is free; what is short and asked for together, on one. */
function reading({ short, long }: Pools): Database {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: reportingPool(long) }) });
  const reads = new PostgresReads({
    together: (asked) => answer(short, asked),
    alone: (asked) => answer(long, [asked]),
  });
  const run = async (statement: BoundStatement) => {
    try {
      return await reads.run(statement);
    } catch (error) {
      if (!isStalePlan(error)) throw error;
      return reads.run(statement);
    }
  };
  takeDirectWay(db, { run, send: async (statement) => void (await run(statement)) });
  return db;
}

/** Asks on one connection, which is given up when it breaks. */
async function answer(pool: pg.Pool, asked: readonly Asked[]): Promise<void> {
  let client: pg.PoolClient;
  try {
    client = await connect(pool);
  } catch (error) {
    for (const { reject } of asked) reject(error);
    return;
  }
  let isBroken = false;
  const answered = asked.map(async ({ statement, resolve, reject }) => {
    try {
      resolve((await query(client, ...preparedQuery(statement))).rows);
    } catch (error) {
      isBroken ||= error instanceof PaygentError;
      reject(error);
    }
  });
  await Promise.all(answered);
  client.release(isBroken);
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

function writing(pool: pg.Pool): Alone {
  return async (unit) => {
    for (let tried = 1; ; tried++) {
      try {
        return await onConnection(pool, (units) => units.transact(unit));
      } catch (error) {
        if (tried === 5 || !(retryable.has(errorCode(error)) || isStalePlan(error))) throw error;
      }
    }
  };
}

const connections = new WeakMap<pg.PoolClient, PostgresUnits>();

async function onConnection<T>(pool: pg.Pool, work: (units: PostgresUnits) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  const units = connections.get(client) ?? new PostgresUnits(client);
  connections.set(client, units);
  try {
    return await work(units);
  } finally {
    client.release(units.isBroken);
  }
}
