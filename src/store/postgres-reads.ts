import type { BoundStatement } from "./statement.ts";
import { Trips } from "./trips.ts";

/** A read, and who waits for its rows. */
export interface Asked {
  readonly statement: BoundStatement;
  resolve(rows: unknown[]): void;
  reject(error: unknown): void;
}

/** Reads together what is asked for together; what may be long goes by itself. */
export class PostgresReads {
  readonly #send: (asked: readonly Asked[]) => Promise<void>;
  readonly #trips: Trips<Asked>;

  /** `send` asks on one connection and answers each; it never rejects. */
  constructor(send: (asked: readonly Asked[]) => Promise<void>) {
    this.#send = send;
    this.#trips = new Trips({ load: (waiting) => waiting.splice(0), travel: send });
  }

  run(statement: BoundStatement): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const asked = { statement, resolve, reject };
      if (statement.isBulky === true) void this.#send([asked]);
      else this.#trips.add(asked);
    });
  }
}
