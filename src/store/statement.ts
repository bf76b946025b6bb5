import type { Compilable, CompiledQuery, Kysely } from "kysely";
import type { Tables } from "./tables.ts";

/** A connection inside a transaction, or the reading side of a store. */
export type Database = Kysely<Tables>;

/** Whether several servers may use this database at once: PostgreSQL, and not SQLite. */
export function isShared(db: Pick<Kysely<unknown>, "getExecutor">): boolean {
  return db.getExecutor().adapter.supportsMultipleConnections === true;
}

class Placeholder {
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }
}

/** Gives the rows of a query at once. */
type Query = (sql: string, parameters: readonly unknown[]) => unknown[];

const embedded = new WeakMap<Database, Query>();

/**
 * Lets the statements of an embedded store go straight to it: there is no connection to wait for, and
 * Kysely's way to one is a dozen promises long.
 */
export function queryAtOnce(db: Database, query: Query): void {
  embedded.set(db, query);
}

/**
 * A query that is built and compiled once per dialect and then only bound: what every turn runs must not
 * pay for building a query tree each time. `build` may use each parameter in value position only. What is
 * the same every time, a status or a limit, is better `sql.lit`: SQLite plans a query again whenever a bound
 * value that its plan depends on is bound anew, and takes partial indexes only for what stands in the text.
 */
export function statement<Params extends object, Row>(
  build: (db: Database, param: <Key extends keyof Params & string>(key: Key) => Params[Key]) => Compilable<Row>,
): (db: Database, params: Params) => Promise<Row[]> {
  const compiled = new WeakMap<object, CompiledQuery<Row>>();

  return async (db, params) => {
    const dialect = db.getExecutor().adapter;
    let query = compiled.get(dialect);
    if (query === undefined) {
      // The placeholder stands in for a value of the parameter's type until it is bound below.
      query = build(db, (key) => new Placeholder(key) as never).compile();
      compiled.set(dialect, query);
    }
    const values = params as Record<string, unknown>;
    const parameters = query.parameters.map((value) => (value instanceof Placeholder ? values[value.key] : value));
    const queryNow = embedded.get(db);
    // The rows are of the type that `build` gave its query.
    if (queryNow !== undefined) return queryNow(query.sql, parameters) as Row[];
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  };
}
