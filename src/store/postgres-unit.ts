import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import { PaygentError } from "../protocol/errors.ts";
import { mayMerge, merge } from "./merged-changes.ts";
import { errorCode, isLostConnection, unreachable } from "./outage.ts";
import { type BoundStatement, type Database, LeavesGroup, takeDirectWay } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** A group waits for no row, but where two transactions insert one id at once, one of them does. */
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
  #failure: Failure | undefined;
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
    const end = await this.#transact("begin", [{ unit, member: this.#alone }]);
    if ("undoneBy" in end) throw end.undoneBy.error;
    const [outcome] = end.outcomes;
    if (outcome?.status === "fulfilled") return outcome.value;
    throw outcome?.reason;
  }

  /**
   * Runs units that change different rows side by side in one transaction, and gives what became of each: one
   * that fails has changed nothing, and one whose reason is `LeavesGroup` is to run again. A unit whose statement
   * undoes the transaction leaves it, and the others go again. Rejects when PostgreSQL cannot be reached, and when
   * nobody can say what became of the transaction.
   */
  async group<T>(units: readonly Unit<T>[]): Promise<PromiseSettledResult<T>[]> {
    while (this.#grouped.length < units.length) this.#grouped.push(new Member(this, { isGrouped: true }));
    const parts = this.#grouped
      .slice(0, units.length)
      .map((member, index) => ({ unit: units[index] as Unit<T>, member }));
    const end = await this.#transact(beginGroup, parts);
    if ("outcomes" in end) return end.outcomes;
    const { error, member: culprit } = end.undoneBy;
    // Where PostgreSQL cannot be reached, whoever waits has waited long enough.
    if (error instanceof PaygentError) throw error;
    const at = parts.findIndex(({ member }) => member === culprit);
    if (at === -1 || parts.length === 1 || this.#isBroken) return parts.map(() => leaves);
    return (await this.group(units.toSpliced(at, 1))).toSpliced(at, 0, leaves);
  }

  async #transact<T>(begin: string, parts: readonly Part<T>[]): Promise<End<T>> {
    this.#failure = undefined;
    this.#begun = this.#ask(undefined, begin);
    const outcomes = await Promise.allSettled(parts.map(({ unit, member }) => member.run(unit)));
    await this.#begun.catch(() => undefined);
    const done = parts.filter((_, index) => outcomes[index]?.status === "fulfilled").map(({ member }) => member);
    const failure = this.#firstFailure();
    if (failure !== undefined || done.length === 0) {
      await query(this.#client, "rollback").catch(() => {
        this.#isBroken = true;
      });
      return failure === undefined ? { outcomes } : { undoneBy: failure };
    }
    // In one order in all groups: two that insert the same ids wait for each other in one direction only.
    for (const member of done.toSorted(byInsertedId)) member.flush();
    const refusal = await this.#commit();
    return refusal === undefined ? { outcomes } : { undoneBy: refusal };
  }

  /** Gives why PostgreSQL did not commit. Rejects when it may have, or may have in part. */
  async #commit(): Promise<Failure | undefined> {
    let command: string;
    try {
      ({ command } = await query(this.#client, "commit"));
    } catch (error) {
      if (isRefusal(error)) return { error };
      // It may be on disk all the same, and what comes over this connection may be anything.
      this.#isBroken = true;
      throw error instanceof PaygentError ? error : unreachable(error);
    }
    const failure = this.#firstFailure();
    if (command === "ROLLBACK") return failure ?? { error: new Error("PostgreSQL answered ROLLBACK to a commit.") };
    if (failure !== undefined) throw unreachable(failure.error);
    return undefined;
  }

  /** What failed first is why all that came behind it did. */
  #firstFailure(): Failure | undefined {
    return this.#failure;
  }

  #ask(member: Member | undefined, ...given: QueryArguments): Promise<pg.QueryResult> {
    const answer = query(this.#client, ...given);
    answer.catch((error: unknown) => {
      this.#failure ??= { error, member };
    });
    return answer;
  }

  /** Resolves when the transaction is known to have begun. */
  get begun(): Promise<unknown> {
    return this.#begun;
  }

  /** A statement of one of the units. What it found is not given away before `begin` is known to hold. */
  async ask(member: Member, ...given: QueryArguments): Promise<pg.QueryResult> {
    const answer = this.#ask(member, ...given);
    await this.#begun;
    return answer;
  }

  /** A change, which fails the transaction when it fails. */
  send(member: Member, change: BoundStatement): void {
    void this.#ask(member, ...preparedQuery(change));
  }
}

interface Part<T> {
  readonly unit: Unit<T>;
  readonly member: Member;
}

/** What undid a transaction, and the unit whose statement it was, if it was one. */
interface Failure {
  readonly error: unknown;
  readonly member?: Member | undefined;
}

type End<T> = { readonly outcomes: PromiseSettledResult<T>[] } | { readonly undoneBy: Failure };

const leaves = { status: "rejected", reason: new LeavesGroup() } as const;

/** Whether PostgreSQL says of a commit that it did not happen: a constraint that waited for it, or a conflict. */
function isRefusal(error: unknown): boolean {
  const code = errorCode(error);
  return typeof code === "string" && /^(23|40)/.test(code);
}

function byInsertedId(one: Member, other: Member): number {
  return one.insertedId < other.insertedId ? -1 : 1;
}

/** What one unit has to do with the transaction that it is in. */
class Member {
  readonly #units: PostgresUnits;
  readonly #isGrouped: boolean;
  readonly #db: Database;
  /** Changes that are not sent yet; of a unit in a group, all. */
  #waiting: BoundStatement[] = [];
  #isOver = true;

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

  /** The id of the execution that the unit brings into being; "" where it does not. */
  get insertedId(): string {
    return String(this.#waiting.find(({ sql }) => sql.startsWith('insert into "executions"'))?.parameters[0] ?? "");
  }

  async run<T>(unit: Unit<T>): Promise<T> {
    this.#waiting = [];
    this.#isOver = false;
    try {
      return await unit(this.#db);
    } finally {
      this.#isOver = true;
    }
  }

  /** Only a query that reads is sent before `begin` is known to hold. */
  async query(...given: QueryArguments): Promise<pg.QueryResult> {
    this.#refuseWhenOver();
    const [first] = given;
    const text = typeof first === "string" ? first : first.text;
    const mayWait = !text.startsWith("select ");
    // It may wait for a row that another transaction holds, and the whole group with it; or it must see a change
    // of the unit, which the whole group would have to take back if the unit failed.
    if (this.#isGrouped && (mayWait || this.#waiting.length > 0)) throw new LeavesGroup();
    if (mayWait) await this.#units.begun;
    this.flush();
    return this.#units.ask(this, ...given);
  }

  /** Keeps a change until something is sent that may depend on it: changes of different tables are one statement. */
  async #send(change: BoundStatement): Promise<void> {
    this.#refuseWhenOver();
    await this.#units.begun;
    if (!mayMerge(this.#waiting, change)) {
      if (this.#isGrouped) throw new LeavesGroup();
      this.flush();
    }
    this.#waiting.push(change);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#units.send(this, merge(this.#waiting));
    this.#waiting = [];
  }

  /** What a unit left under way when it ended must not reach this transaction any more, nor the next. */
  #refuseWhenOver(): void {
    if (this.#isOver) throw new Error("A unit of work that has ended went on.");
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

/** Whether a prepared statement failed because a table has changed since; the message may be in any language. */
export function isStalePlan(error: unknown): boolean {
  return errorCode(error) === "0A000" && (error as { routine?: unknown }).routine === "RevalidateCachedQuery";
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
