import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openStore, type Store } from "../../src/store/database.ts";
import { PreparedClient } from "../../src/store/prepared-client.ts";
import { testDatabase } from "../support/database.ts";
import { oneTurn } from "./virtual-time.ts";

export interface SimulationStore {
  readonly store: Store;
  /** Waits until nothing is under way that was asked of the store. */
  settled(): Promise<void>;
  remove(): Promise<void>;
}

/** A store for simulations: SQLite in memory where the system has a folder there, or PostgreSQL. */
export async function openSimulationStore(databaseUrl = process.env.DATABASE_URL ?? ""): Promise<SimulationStore> {
  return databaseUrl === "" ? onSqlite() : onPostgres(databaseUrl);
}

const memoryFolder = "/dev/shm";

async function onSqlite(): Promise<SimulationStore> {
  const dataDir = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), "paygent-simulation-"));
  const store = await openStore({ dataDir });
  return {
    store,
    settled: oneTurn,
    async remove() {
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/**
 * How many turns of the event loop nothing is asked in when nothing more will be. A trip to PostgreSQL leaves a turn
 * after what it carries was handed over, and up to four were seen between an answer and the next question.
 */
const quietTurns = 10;

async function onPostgres(databaseUrl: string): Promise<SimulationStore> {
  const database = await testDatabase(databaseUrl);
  const underWay = countUnderWay();
  const store = await openStore({ url: database.env.DATABASE_URL ?? "" });
  return {
    store,
    async settled() {
      let turns = 0;
      while (turns < quietTurns) {
        await oneTurn();
        turns = underWay() > 0 ? 0 : turns + 1;
      }
    },
    async remove() {
      await store.close();
      await database.remove();
    },
  };
}

/** Counts what is asked of PostgreSQL and not answered. It is another process: nothing else tells when it is done. */
function countUnderWay(): () => number {
  let count = 0;
  const counting = (original: unknown) =>
    function (this: unknown, ...given: unknown[]) {
      // Whatever came in is passed on; the overloads cannot be told apart here.
      const asked = (original as (...all: unknown[]) => unknown).apply(this, given);
      if (!(asked instanceof Promise)) return asked;
      count += 1;
      const done = () => {
        count -= 1;
      };
      asked.then(done, done);
      return asked;
    };
  for (const { prototype } of [pg.Client, PreparedClient]) {
    const { query } = prototype;
    prototype.query = counting(query) as typeof query;
  }
  const { connect } = pg.Pool.prototype;
  pg.Pool.prototype.connect = counting(connect) as typeof connect;
  return () => count;
}
