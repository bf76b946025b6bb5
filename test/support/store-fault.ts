import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { TestDatabase } from "./database.ts";

/** Runs SQL on a server's database behind its back, as another process would. */
export async function runSql(database: TestDatabase, sql: string): Promise<void> {
  const url = database.env.DATABASE_URL;
  if (url === undefined) {
    const sqlite = new DatabaseSync(join(database.dataDir, "paygent.db"), { timeout: 5000 });
    sqlite.exec(sql);
    sqlite.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** Lets every insert into a table, or update of it, fail with a message, until the returned function is called. */
export async function breakTable(
  database: TestDatabase,
  fault: { table: string; on: "insert" | "update"; message: string },
): Promise<() => Promise<void>> {
  const { table, on, message } = fault;
  const name = `fault_${on}_${table}`;
  const run = (sql: string) => runSql(database, sql);
  if (database.env.DATABASE_URL === undefined) {
    await run(`create trigger ${name} before ${on} on ${table} begin select raise(abort, '${message}'); end`);
    return () => run(`drop trigger ${name}`);
  }
  await run(
    `create function ${name}() returns trigger language plpgsql as $$ begin raise exception '${message}'; end $$;
     create trigger ${name} before ${on} on ${table} for each row execute function ${name}()`,
  );
  return () => run(`drop trigger ${name} on ${table}; drop function ${name}()`);
}
