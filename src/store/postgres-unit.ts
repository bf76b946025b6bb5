import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import { mayMerge, merge } from "./merged-changes.ts";
import { errorCode, isLostConnection, unreachable } from "./outage.ts";
import { type BoundStatement, type Database, LeavesGroup, takeDirectWay } from "./statement.ts";
import type { Tables } from "./tables.ts";

/**
 * A group waits for no row, but for an id that two transactions insert at once it would. On purpose, over two servers,
 * that could be a deadlock, which PostgreSQL looks for after a second only.
 */
const beginGroup = "begin; set local lock_timeout = '100ms'";

type Unit<T> = (tx: Database) => Promise<T>;

/**
 * One connection, as units of work use it. The way to PostgreSQL and back is longer than what a statement
 * takes there, so nothing waits that need not: the first queries travel with `begin`, and the changes at a
 * unit's end with `commit`. A change that fails makes a rollback of the `commit` behind it.
 */
export class PostgresUnits {
  readonly #client: pg.PoolClient;
  readonly #alone: Member;
  readonly #grouped: Member[] = [];
  #begun: Promise<unknown> = Promise.resolve();
  /** What failed first is why all that came behind it did. */
  #failure: { readonly error: unknown } | undefined;
  #isBroken = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    this.#alone = new Member(this, { isGrouped: false });
  }

  /** Whether the connection was left amid a transaction, and is good for nothing more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Runs a unit in a transaction; rejects, with nothing changed, when the unit or one of its changes fails. */
  async transact<T>(unit: Unit<T>): Promise<T> {
    const [outcome] = await this.#transact("begin", [this.#alone], [unit]);
    if (outcome?.status === "fulfilled") return outcome.value;
    throw outcome?.reason;
  }

  /**
   * Runs units that change different rows side by side in one transaction, and gives what became of each: one
   * that fails changes nothing. Rejects, with nothing changed, when the transaction fails.
   */
  group<T>(units: readonly Unit<T>[]): Promise<PromiseSettledResult<T>[]> {
    while (this.#grouped.length < units.length) this.#grouped.push(new Member(this, { isGrouped: true }));
    return this.#transact(beginGroup, this.#grouped, units);
  }

  async #transact<T>(
    begin: string,
    members: readonly Member[],
    units: readonly Unit<T>[],
  ): Promise<PromiseSettledResult<T>[]> {
    this.#failure = undefined;
    this.#begun = this.#ask(begin);
    const parts = units.map((unit, index) => ({ unit, member: members[index] as Member }));
    const outcomes = await Promise.allSettled(parts.map(({ unit, member }) => member.run(unit)));
    await this.#begun.catch(() => undefined);
    const done = parts.filter((_, index) => outcomes[index]?.status === "fulfilled");
    const isTorn = parts.some((part) => part.member.hasSent && !done.includes(part));
    if (this.#failure !== undefined || isTorn || done.length === 0) {
      await query(this.#client, "rollback").catch(() => {
        this.#isBroken = true;
      });
      this.#throwFailure();
      return outcomes.map((outcome) => (outcome.status === "rejected" ? outcome : undone));
    }
    for (const { member } of done) member.flush();
    const [committed] = await Promise.allSettled([query(this.#client, "commit")]);
    this.#throwFailure();
    if (committed.status === "rejected") throw committed.reason;
    const { command } = committed.value;
    if (command !== "COMMIT") throw new Error(`PostgreSQL answered ${command} to a commit.`);
    return outcomes;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #ask(...given: QueryArguments): Promise<pg.QueryResult> {
    const answer = query(this.#client, ...given);
    answer.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    return answer;
  }

  /** Resolves when the transaction is known to have begun. */
  get begun(): Promise<unknown> {
    return this.#begun;
  }

  /** A statement of one of the units. What it found is not given away before `begin` is known to hold. */
  async ask(...given: QueryArguments): Promise<pg.QueryResult> {
    const answer = this.#ask(...given);
    await this.#begun;
    return answer;
  }

  /** A change, which fails the transaction when it fails. */
  send(change: BoundStatement): void {
    void this.#ask(...preparedQuery(change));
  }
}

const undone = { status: "rejected", reason: new LeavesGroup() } as const;

/** What one unit has to do with the transaction that it is in. */
class Member {
  readonly #units: PostgresUnits;
  readonly #isGrouped: boolean;
  readonly #db: Database;
  /** Changes that are not sent yet. */
  #waiting: BoundStatement[] = [];
  #hasSent = false;

  constructor(units: PostgresUnits, { isGrouped }: { isGrouped: boolean }) {
    this.#units = units;
    this.#isGrouped = isGrouped;
    this.#db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolOf(this) }) });
    takeDirectWay(this.#db, {
      isGrouped,
      run: async (statement) => (await this.query(...preparedQuery(statement))).rows,
      send: (statement) => this.#send(statement),
    });
  }

  /** Whether changes of the unit are part of the transaction by now. */
  get hasSent(): boolean {
    return this.#hasSent;
  }

  async run<T>(unit: Unit<T>): Promise<T> {
    this.#waiting = [];
    this.#hasSent = false;
    return unit(this.#db);
  }

  /** Only a query that reads is sent before `begin` is known to hold. */
  async query(...given: QueryArguments): Promise<pg.QueryResult> {
    const [first] = given;
    const text = typeof first === "string" ? first : first.text;
    if (!text.startsWith("select ")) {
      // It may wait for a row that another transaction holds, and the whole group with it.
      if (this.#isGrouped) throw new LeavesGroup();
      await this.#units.begun;
    }
    this.flush();
    return this.#units.ask(...given);
  }

  /** Keeps a change until something is sent that may depend on it: changes of different tables are one statement. */
  async #send(change: BoundStatement): Promise<void> {
    await this.#units.begun;
    if (!mayMerge(this.#waiting, change)) this.flush();
    this.#waiting.push(change);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#units.send(merge(this.#waiting));
    this.#waiting = [];
    this.#hasSent = true;
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
function poolOf(member: Member) {
  const query = (sql: string, parameters: readonly unknown[]) => member.query(sql, [...parameters]);
  const client: PostgresPoolClient = {
    // No cursors are configured, so all that comes in is a statement with its parameters.
    query: query as unknown as PostgresPoolClient["query"],
    release: () => undefined,
  };
  return { connect: async () => client, end: async () => undefined, options: {} };
}
