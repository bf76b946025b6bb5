import type { BoundStatement } from "./statement.ts";
import { Trips } from "./trips.ts";

/** A read, and who waits for its rows. */
export interface Asked {
  readonly statement: BoundStatement;
  resolve(rows: unknown[]): void;
  reject(error: unknown): void;
}

/** Ask on one connection and answer each; never reject. */
interface Ways {
  together(asked: readonly Asked[]): Promise<void>;
  alone(asked: Asked): Promise<void>;
}

/** Reads together what is asked for together; what may be long goes by itself. */
export class PostgresReads {
  readonly #ways: Ways;
  readonly #trips: Trips<Asked>;

  constructor(ways: Ways) {
    this.#ways = ways;
    this.#trips = new Trips({ load: (waiting) => waiting.splice(0), travel: (asked) => ways.together(asked) });
  }

  run(statement: BoundStatement): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const asked = { statement, resolve, reject };
      if (statement.isBulky === true) void this.#ways.alone(asked);
      else this.#trips.add(asked);
    });
  }
}
