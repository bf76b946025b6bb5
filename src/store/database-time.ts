import { sql } from "kysely";
import type { Database } from "./statement.ts";

/** A PostgreSQL server's time, in milliseconds since the epoch. */
export async function databaseTime(db: Database): Promise<number> {
  const { rows } = await sql<{ ms: number }>`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("The database did not tell its time.");
  return row.ms;
}
