import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SqliteDatabase, SqliteStatement } from "kysely";

/**
 * Lets Kysely's SQLite dialect speak to `node:sqlite`. Prepared statements are kept by their text: every
 * query of a turn is one of a few dozen, and preparing costs more than running.
 */
export function nodeSqlite(database: DatabaseSync): SqliteDatabase {
  return { close: () => database.close(), prepare: preparing((sql) => wrap(database.prepare(sql))) };
}

/**
 * What is committed: read over the writer's connection, whose cache outlives its own commits, and while
 * that is amid a transaction over another one. What is no `select` goes to the reader, which refuses it.
 */
export function committedSqlite(writer: DatabaseSync, reader: DatabaseSync): SqliteDatabase {
  return {
    close: () => reader.close(),
    prepare: preparing((sql) => {
      const amid = wrap(reader.prepare(sql));
      if (!sql.startsWith("select ")) return amid;
      const between = wrap(writer.prepare(sql));
      return { ...amid, all: (parameters) => (writer.isTransaction ? amid : between).all(parameters) };
    }),
  };
}

function preparing(prepare: (sql: string) => SqliteStatement): (sql: string) => SqliteStatement {
  const statements = new Map<string, SqliteStatement>();
  return (sql) => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
}

function wrap(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    // Kysely hands over what our own queries bound: strings, numbers, bigints and nulls.
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}

/**
 * Opens a database file with the settings that durability to power loss needs. The rest is for speed: units of
 * work under savepoints must not spill what they may undo into files, and pages that many commits in a row
 * touch are copied from the log into the file once for all of them. A new file can be made smaller in steps.
 */
export function openSqlite(file: string): DatabaseSync {
  // From the first statement on: even setting the journal's mode may have to wait for another process.
  const database = new DatabaseSync(file, { timeout: 5000 });
  database.exec(
    `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
     PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 8000;`,
  );
  return database;
}
