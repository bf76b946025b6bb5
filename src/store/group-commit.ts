import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Database } from "./statement.ts";

interface Pending {
  run(): Promise<void>;
  settle(failure?: unknown): void;
}

/**
 * Commits together what is ready together: the units handed over in one turn of the event loop share one
 * SQLite transaction and so one fsync. Each unit has its own savepoint, so one that throws is undone alone.
 * A unit must await nothing but its own queries, or all others wait with it.
 */
export class GroupCommit {
  readonly #sqlite: DatabaseSync;
  readonly #db: Database;
  // Prepared once: every unit runs two of them.
  readonly #savepoint: StatementSync;
  readonly #rollback: StatementSync;
  readonly #release: StatementSync;
  #pending: Pending[] = [];
  #scheduled = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(sqlite: DatabaseSync, db: Database) {
    this.#sqlite = sqlite;
    this.#db = db;
    this.#savepoint = sqlite.prepare("SAVEPOINT unit");
    this.#rollback = sqlite.prepare("ROLLBACK TO unit");
    this.#release = sqlite.prepare("RELEASE unit");
  }

  write<T>(unit: (tx: Database) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let outcome: { value: T } | { error: unknown };
      this.#pending.push({
        run: async () => {
          this.#savepoint.run();
          try {
            outcome = { value: await unit(this.#db) };
          } catch (error) {
            // A full disk undoes the whole transaction, and with it what the units before this one did.
            if (!this.#sqlite.isTransaction) throw error;
            outcome = { error };
            this.#rollback.run();
          }
          this.#release.run();
        },
        settle: (failure) => {
          if (failure !== undefined) reject(failure);
          else if ("error" in outcome) reject(outcome.error);
          else resolve(outcome.value);
        },
      });
      this.#schedule();
    });
  }

  async drained(): Promise<void> {
    while (this.#scheduled) await this.#idle;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#idle = new Promise((resolve) => {
      setImmediate(() => void this.#flush().then(resolve));
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    let failure: unknown;
    try {
      this.#sqlite.exec("BEGIN IMMEDIATE");
      for (const pending of batch) await pending.run();
      this.#sqlite.exec("COMMIT");
    } catch (error) {
      failure = error;
      // SQLite may have rolled back by itself (a full disk does that); a second rollback would only hide why.
      if (this.#sqlite.isTransaction) this.#sqlite.exec("ROLLBACK");
    }
    this.#scheduled = false;
    for (const pending of batch) pending.settle(failure);
    if (this.#pending.length > 0) this.#schedule();
  }
}
