import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import { mayMerge, merge } from "./merged-changes.ts";
import { errorCode, isLostConnection, unreachable } from "./outage.ts";
import { type BoundStatement, type Database, takeDirectWay } from "./statement.ts";
import type { Tables } from "./tables.ts";

/**
 * One connection, as units of work use it. The way to PostgreSQL and back is longer than what a statement
 * takes there, so nothing waits that need not: the first queries travel with `begin`, and the changes at a
 * unit's end with `commit`. A change that fails makes a rollback of the `commit` behind it.
 */
export class PostgresUnits {
  readonly #client: pg.PoolClient;
  readonly #db: Database;
  #begun: Promise<unknown> = Promise.resolve();
  /** Changes that are not sent yet, and what became of those that are. */
  #waiting: BoundStatement[] = [];
  #changes: Promise<unknown>[] = [];
  #isBroken = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    this.#db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolOf(this) }) });
    takeDirectWay(this.#db, {
      run: async (statement) => (await this.query(...preparedQuery(statement))).rows,
      send: (statement) => this.#send(statement),
    });
  }

  /** Whether the connection was left amid a transaction, and is good for nothing more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Runs a unit in a transaction; rejects, with nothing changed, when the unit or one of its changes fails. */
  async transact<T>(unit: (tx: Database) => Promise<T>): Promise<T> {
    this.#changes = [];
    this.#waiting = [];
    this.#begun = query(this.#client, "begin");
    this.#begun.catch(() => undefined);
    let value: T;
    try {
      value = await unit(this.#db);
      await this.#begun;
    } catch (error) {
      const [failed] = await this.#failures();
      await query(this.#client, "rollback").catch(() => {
        this.#isBroken = true;
      });
      // What failed first is why all that came behind it did.
      throw failed ?? error;
    }
    this.#flush();
    const [[failed], [committed]] = await Promise.all([
      this.#failures(),
      Promise.allSettled([query(this.#client, "commit")]),
    ]);
    if (failed !== undefined) throw failed;
    if (committed.status === "rejected") throw committed.reason;
    const { command } = committed.value;
    if (command !== "COMMIT") throw new Error(`PostgreSQL answered ${command} to a commit.`);
    return value;
  }

  /**
   * A query within the transaction. Only one that reads is sent before `begin` is known to hold: what it found
   * is not given away before that.
   */
  async query(...given: QueryArguments): Promise<pg.QueryResult> {
    const [first] = given;
    const text = typeof first === "string" ? first : first.text;
    if (!text.startsWith("select ")) await this.#begun;
    this.#flush();
    const result = query(this.#client, ...given);
    result.catch(() => undefined);
    await this.#begun;
    return result;
  }

  /** Keeps a change until something is sent that may depend on it: changes of different tables are one statement. */
  async #send(change: BoundStatement): Promise<void> {
    await this.#begun;
    if (!mayMerge(this.#waiting, change)) this.#flush();
    this.#waiting.push(change);
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const changed = query(this.#client, ...preparedQuery(merge(this.#waiting)));
    this.#waiting = [];
    changed.catch(() => undefined);
    this.#changes.push(changed);
  }

  async #failures(): Promise<unknown[]> {
    const outcomes = await Promise.allSettled(this.#changes);
    return outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  }
}

export type QueryArguments = [query: string | pg.QueryConfig, parameters?: unknown[]];

/** A query whose failure says `unavailable` when it is the connection's. */
export function query(client: pg.PoolClient, ...given: QueryArguments): Promise<pg.QueryResult> {
  return client.query(...given).catch((error: unknown) => {
    if (isStalePlan(error)) plans += 1;
    throw isLostConnection(error) ? unreachable(error) : error;
  });
}

let plans = 0;

/**
 * Prepared on each connection the first time. A newer version that has added a column leaves plans behind that
 * give other rows than before; under another name the statement is prepared anew.
 */
export function preparedQuery({ name, sql, parameters }: BoundStatement): QueryArguments {
  return [{ name: `${name}_${plans}`, text: sql, values: [...parameters] }];
}

/** Whether a prepared statement failed because a table has changed since. */
export function isStalePlan(error: unknown): boolean {
  return errorCode(error) === "0A000" && error instanceof Error && error.message.includes("cached plan");
}

/** Kysely asks a pool for a connection before each query: it gets the one of the transaction. */
function poolOf(units: PostgresUnits) {
  const query = (sql: string, parameters: readonly unknown[]) => units.query(sql, [...parameters]);
  const client: PostgresPoolClient = {
    // No cursors are configured, so all that comes in is a statement with its parameters.
    query: query as unknown as PostgresPoolClient["query"],
    release: () => undefined,
  };
  return { connect: async () => client, end: async () => undefined, options: {} };
}
