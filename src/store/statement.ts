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

/** A statement on its way to a database; the same `name` stands for the same text. */
export interface BoundStatement {
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Whether its answer may be so long that others should not wait for it. */
  readonly isBulky?: boolean;
}

/** A way to a database that is shorter than Kysely's, which is a dozen promises long. */
export interface DirectWay {
  /** Whether units of other sessions are in the same transaction. */
  readonly isGrouped?: boolean;
  /** Gives the rows. */
  run(statement: BoundStatement): unknown[] | Promise<unknown[]>;
  /** Hands a change over, in a transaction: whether it worked may show only when that commits. */
  send(statement: BoundStatement): void | Promise<void>;
}

const directWays = new WeakMap<Database, DirectWay>();

/** Lets the statements on `db` take this way. */
export function takeDirectWay(db: Database, way: DirectWay): void {
  directWays.set(db, way);
}

/** Whether a unit shares its transaction with others, and so must not wait for what another transaction holds. */
export function isGrouped(tx: Database): boolean {
  return directWays.get(tx)?.isGrouped === true;
}

/** Thrown in a unit that cannot share its transaction with others: it is undone, and runs again in one of its own. */
export class LeavesGroup extends Error {
  override readonly name = "LeavesGroup";
}

type Build<Params extends object, Row> = (
  db: Database,
  param: <Key extends keyof Params & string>(key: Key) => Params[Key],
) => Compilable<Row>;

/**
 * A query that is built and compiled once per dialect and then only bound: what every turn runs must not
 * pay for building a query tree each time. `build` may use each parameter in value position only. What is
 * the same every time, a status or a limit, is better `sql.lit`: SQLite plans a query again whenever a bound
 * value that its plan depends on is bound anew, and takes partial indexes only for what stands in the text.
 */
export function statement<Params extends object, Row>(
  build: Build<Params, Row>,
  { isBulky = false }: Pick<BoundStatement, "isBulky"> = {},
): (db: Database, params: Params) => Promise<Row[]> {
  const bind = binding(build);
  return async (db, params) => {
    const { query, name, parameters } = bind(db, params);
    const way = directWays.get(db);
    // The rows are of the type that `build` gave its query.
    if (way !== undefined) return way.run({ name, sql: query.sql, parameters, isBulky }) as Row[] | Promise<Row[]>;
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  };
}

/**
 * The same for a change that nothing in its transaction waits for: on PostgreSQL it is sent, and when it fails
 * the transaction does, at the latest when it is committed.
 */
export function change<Params extends object>(
  build: Build<Params, unknown>,
): (tx: Database, params: Params) => Promise<void> {
  const bind = binding(build);
  return async (tx, params) => {
    const { query, name, parameters } = bind(tx, params);
    const way = directWays.get(tx);
    if (way !== undefined) return way.send({ name, sql: query.sql, parameters });
    await tx.executeQuery({ ...query, parameters });
  };
}

let statements = 0;

function binding<Params extends object, Row>(build: Build<Params, Row>) {
  const compiled = new WeakMap<object, CompiledQuery<Row>>();
  statements += 1;
  const name = `s${statements}`;

  return (db: Database, params: Params) => {
    // Every connection has an adapter of its own; those of a dialect are of one class.
    const dialect = db.getExecutor().adapter.constructor;
    let query = compiled.get(dialect);
    if (query === undefined) {
      // The placeholder stands in for a value of the parameter's type until it is bound below.
      query = build(db, (key) => new Placeholder(key) as never).compile();
      compiled.set(dialect, query);
    }
    const values = params as Record<string, unknown>;
    const parameters = query.parameters.map((value) => (value instanceof Placeholder ? values[value.key] : value));
    return { query, name, parameters };
  };
}
