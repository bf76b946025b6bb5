import type { BoundStatement } from "./statement.ts";
import { Trips } from "./trips.ts";

/** Sends statements together on one connection, and gives what became of each; rejects when there is no connection. */
type Send = (statements: readonly BoundStatement[]) => Promise<PromiseSettledResult<unknown[]>[]>;

interface Pending {
  readonly statement: BoundStatement;
  resolve(rows: unknown[]): void;
  reject(error: unknown): void;
}

/** Reads together what is asked for together. */
export class PostgresReads {
  readonly #send: Send;
  readonly #trips: Trips<Pending>;

  constructor(send: Send) {
    this.#send = send;
    this.#trips = new Trips({ load: (waiting) => waiting.splice(0), travel: (batch) => this.#read(batch) });
  }

  run(statement: BoundStatement): Promise<unknown[]> {
    return new Promise((resolve, reject) => this.#trips.add({ statement, resolve, reject }));
  }

  async #read(batch: readonly Pending[]): Promise<void> {
    try {
      const outcomes = await this.#send(batch.map(({ statement }) => statement));
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") batch[index]?.resolve(outcome.value);
        else batch[index]?.reject(outcome.reason);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
