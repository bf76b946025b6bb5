import pg from "pg";
import { PartingClient } from "./parting-client.ts";

/** What PostgreSQL said of the columns that a prepared statement gives. */
interface Columns {
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => unknown)[];
  /** A row in which each column is null. */
  readonly empty: Readonly<Record<string, unknown>>;
}

const none: Columns = { names: [], parsers: [], empty: {} };

const plainKeys: ReadonlySet<string> = new Set(["name", "text", "values"]);

type Named = pg.QueryConfig & { readonly name: string };
type Values = readonly (string | null)[];

/** A query as `pg` runs it; its types say no more of one than that it can be submitted. */
interface WireQuery extends pg.Submittable {
  name: string;
  values: unknown[] | undefined;
  submit(connection: pg.Connection): Error | null;
  handleRowDescription(message: { readonly fields: readonly pg.FieldDef[] }): void;
  handleDataRow(message: { readonly fields: Values }): void;
  handleCommandComplete(message: object, connection: pg.Connection): void;
}

const WireQuery = pg.Query as unknown as new (text: string) => WireQuery;

/** One execution of a prepared statement, on the connection of `client`. */
class PreparedQuery extends WireQuery {
  readonly #client: PreparedClient;
  readonly #found: Values[] = [];
  #columns: Columns | undefined;

  constructor(client: PreparedClient, { name, text, values }: Named) {
    super(text);
    this.name = name;
    this.values = values;
    this.#client = client;
    this.#columns = client.described.get(name);
  }

  override submit(connection: pg.Connection): Error | null {
    return super.submit(this.#columns === undefined ? connection : this.#client.undescribing);
  }

  override handleRowDescription({ fields }: { readonly fields: readonly pg.FieldDef[] }): void {
    this.#learn({
      names: fields.map(({ name }) => name),
      parsers: fields.map(({ dataTypeID }) => this.#client.getTypeParser(dataTypeID, "text")),
      empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
    });
  }

  override handleDataRow({ fields }: { readonly fields: Values }): void {
    this.#found.push(fields);
  }

  override handleCommandComplete(message: object, connection: pg.Connection): void {
    if (this.#columns === undefined) this.#learn(none);
    super.handleCommandComplete(message, connection);
  }

  foundRows(): Record<string, unknown>[] {
    const { names, parsers, empty } = this.#columns ?? none;
    return this.#found.map((values) => {
      const row: Record<string, unknown> = { ...empty };
      for (const [index, value] of values.entries()) {
        row[names[index] as string] = value === null ? null : parsers[index]?.(value);
      }
      return row;
    });
  }

  #learn(columns: Columns): void {
    this.#columns = columns;
    this.#client.described.set(this.name, columns);
  }
}

/**
 * A client that has PostgreSQL describe what a prepared statement gives the first time only. `pg` asks for that with
 * every execution, and a busy server spent a fifth of its time on reading the same names and types again. They stay
 * what they are: PostgreSQL fails a prepared statement whose columns have changed.
 */
export class PreparedClient extends PartingClient {
  readonly described = new Map<string, Columns>();
  /** The connection, but that nothing asks for a description on it. */
  readonly undescribing: pg.Connection = Object.create(this.connection, { describe: { value: () => undefined } });

  /** As `pg` does, in all its shapes; what is a prepared statement in one object takes the shorter way. */
  override query(...given: unknown[]): never {
    const [config] = given;
    const isShort = given.length === 1 && isPlainNamed(config);
    return (isShort ? this.#run(config) : super.query(...(given as [string]))) as never;
  }

  async #run(config: Named): Promise<pg.QueryResult> {
    const query = new PreparedQuery(this, config);
    const result = await new Promise<pg.QueryResult>((resolve, reject) => {
      const callback = (error: Error | undefined, result: pg.QueryResult) => (error ? reject(error) : resolve(result));
      void super.query(query as never, callback as never);
    });
    return { ...result, rows: query.foundRows() };
  }
}

/** Whether it is a prepared statement of which nothing is wanted but its rows. */
function isPlainNamed(config: unknown): config is Named {
  if (typeof config !== "object" || config === null) return false;
  return "name" in config && Boolean(config.name) && Object.keys(config).every((key) => plainKeys.has(key));
}
