import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { TestDatabase } from "./database.ts";

/** Changes a store behind its server's back. */
export async function tamper({ dataDir, env }: TestDatabase, sql: string): Promise<void> {
  const connectionString = env.DATABASE_URL;
  if (connectionString === undefined) {
    const sqlite = new DatabaseSync(join(dataDir, "paygent.db"), { timeout: 5000 });
    sqlite.exec(sql);
    return sqlite.close();
  }
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql);
  await client.end();
}
