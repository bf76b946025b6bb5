import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely, type SqliteDatabase, SqliteDialect } from "kysely";
import type { Store } from "./database.ts";
import { type Hold, tryHold } from "./file-lock.ts";
import { GroupCommit } from "./group-commit.ts";
import { migrated, migrateSqlite } from "./migrate.ts";
import { committedSqlite, nodeSqlite, openSqlite } from "./node-sqlite.ts";
import { isFull, unwritable } from "./outage.ts";
import { type BoundStatement, type Database, takeDirectWay } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** Opens the embedded store in a folder, which from then on is this process's alone. */
export async function openSqliteStore(dataDir: string): Promise<Store> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "paygent.db");
  for (const path of [join(dataDir, "server.lock"), file]) keepToOwner(path);
  const lock = tryHold(join(dataDir, "server.lock"));
  if (lock === undefined)
    throw new Error(
      `Another Paygent server already uses the data folder ${dataDir}. Stop it, or set PAYGENT_DATA_DIR to another folder.`,
    );
  let writer: DatabaseSync;
  try {
    writer = openSqlite(file);
    const check = writer.prepare("PRAGMA quick_check(1)").get();
    if (check?.quick_check !== "ok") throw new Error(String(check?.quick_check));
  } catch (error) {
    lock.close();
    throw new Error(
      `The database file ${file} is damaged or is no SQLite database. Restore it from a backup, or move it away to start with an empty one.`,
      { cause: error },
    );
  }
  const store = embeddedStore(file, writer, lock);
  try {
    await migrateSqlite(store.writing, file);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

function embeddedStore(file: string, writer: DatabaseSync, lock?: Hold): Store & { writing: Database } {
  const reader = openSqlite(file);
  reader.exec("PRAGMA query_only = ON");
  const writing = embeddedKysely(nodeSqlite(writer));
  const reading = embeddedKysely(committedSqlite(writer, reader));
  const commits = new GroupCommit(writer, writing);
  return {
    dialect: "sqlite",
    db: reading,
    writing,
    write: (unit) =>
      commits.write(unit).catch((error: unknown) => {
        throw isFull(error) ? unwritable(error) : error;
      }),
    async close() {
      await commits.drained();
      await reading.destroy();
      await writing.destroy();
      lock?.close();
    },
  };
}

/** Opens the embedded store to look at it. Rejects with a sentence when there is none. */
export async function readSqlite(dataDir: string): Promise<Pick<Store, "db" | "close">> {
  const file = databaseIn(dataDir);
  const db = embeddedKysely(nodeSqlite(new DatabaseSync(file, { readOnly: true, timeout: 5000 })));
  return migrated(file, { db, close: () => db.destroy() });
}

/** Opens the embedded store for a process that writes to it beside the server. */
export async function sqliteBeside(dataDir: string): Promise<Store> {
  const file = databaseIn(dataDir);
  return migrated(file, embeddedStore(file, openSqlite(file)));
}

function databaseIn(dataDir: string): string {
  const file = join(dataDir, "paygent.db");
  if (existsSync(file)) return file;
  throw new Error(`There is no database at ${file}. Set PAYGENT_DATA_DIR to the server's data folder.`);
}

function embeddedKysely(database: SqliteDatabase): Database {
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  // There is no connection to wait for.
  const run = ({ sql, parameters }: BoundStatement) => {
    const statement = database.prepare(sql);
    if (statement.reader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  };
  takeDirectWay(db, { run, send: (statement) => void run(statement) });
  return db;
}

/** SQLite gives the files beside a database (`-wal`, `-shm`) the mode of the database itself. */
function keepToOwner(file: string): void {
  closeSync(openSync(file, "a", 0o600));
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
}
