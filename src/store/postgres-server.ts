import type pg from "pg";
import { BatchingSocket } from "./batching-socket.ts";
import { errorCode, isLostConnection } from "./outage.ts";
import { tryFor } from "./try-for.ts";

const oldestVersion = 14;

/**
 * A process that is stopped or cut off amid a transaction holds its rows, and nobody could take over what it
 * did: after this long the server ends the transaction. Well below the lease.
 */
const idleInTransactionMs = 3000;

/** How long a connection may take to come about, and a query to be answered, before the server counts as gone. */
const silentMs = 10_000;

export interface PostgresOptions {
  readonly url: string;
  /** How long a server that cannot be reached is waited for; one attempt if not given. */
  readonly startTimeoutMs?: number;
  /** Told the code of the failure when the waiting begins. */
  onWaiting?(code: string): void;
}

/** A pool of connections to a server that answers. Throws a sentence when none does, for as long as it may take. */
export async function openPool(options: PostgresOptions, config: pg.PoolConfig = {}): Promise<pg.Pool> {
  const { url, startTimeoutMs = 0, onWaiting } = options;
  const pool = await newPool(url, config);
  try {
    await tryFor(startTimeoutMs, () => pool.query("select 1"), {
      mayPass: isLostConnection,
      onFirstFailure: (error) => onWaiting?.(codeOf(error)),
    });
  } catch (error) {
    await pool.end();
    const waited = startTimeoutMs > 0 && isLostConnection(error) ? `, tried for ${startTimeoutMs / 1000} s` : "";
    throw new Error(
      `The PostgreSQL server at DATABASE_URL cannot be used (${codeOf(error)}${waited}). Start it, correct DATABASE_URL, or unset it to use SQLite.`,
      { cause: error },
    );
  }
  return pool;
}

function codeOf(error: unknown): string {
  return String(errorCode(error) ?? "no answer");
}

/** One connection that nothing hurries, for changes of tables, which may take their time. */
export function openSlowPool(url: string): Promise<pg.Pool> {
  return newPool(url, { max: 1, query_timeout: 0 });
}

/** A pool that connects when it is asked for something. */
export async function newPool(url: string, config: pg.PoolConfig): Promise<pg.Pool> {
  const [{ default: pg }, { PreparedClient }] = await Promise.all([import("pg"), import("./prepared-client.ts")]);
  const types = new pg.TypeOverrides();
  // int8 columns hold seqs and USD millionths, all far below 2^53.
  types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({
    connectionString: url,
    types,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    connectionTimeoutMillis: silentMs,
    query_timeout: silentMs,
    keepAlive: true,
    pipeline: true,
    stream: () => new BatchingSocket(),
    Client: PreparedClient,
    ...config,
  });
  // A connection that breaks is replaced by the pool, and a query on it fails; without listeners it would also
  // end the process, when it breaks in the pool and when it breaks between two queries of a transaction.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

interface ServerFacts {
  readonly version: number;
  readonly shown: string;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
  readonly encoding: string;
}

/** Throws a sentence when the database is none that a server of Paygent can live on. */
export async function requireUsable(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<ServerFacts>(
    `select current_setting('server_version_num')::int / 10000 as version,
            current_setting('server_version') as shown,
            pg_is_in_recovery() as is_standby,
            current_setting('transaction_read_only') = 'on' as is_read_only,
            pg_encoding_to_char(encoding) as encoding
     from pg_database where datname = current_database()`,
  );
  const problem = rows[0] && problemOf(rows[0]);
  if (problem !== undefined) throw new Error(problem);
}

function problemOf({ version, shown, is_standby, is_read_only, encoding }: ServerFacts): string | undefined {
  if (version < oldestVersion)
    return `The PostgreSQL server at DATABASE_URL is version ${shown}; Paygent needs ${oldestVersion} or newer. Upgrade it, or use another one.`;
  if (is_standby)
    return "The PostgreSQL server at DATABASE_URL is a standby, which can only be read. Set DATABASE_URL to the primary.";
  if (is_read_only)
    return "The database at DATABASE_URL can only be read: default_transaction_read_only is on. Turn it off for this database and user, or use another database.";
  if (encoding !== "UTF8")
    return `The database at DATABASE_URL stores text as ${encoding}. Create one with encoding UTF8, and use that.`;
  return undefined;
}
