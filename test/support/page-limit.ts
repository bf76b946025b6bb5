import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const connections = new Set<DatabaseSync>();
const { exec, close } = DatabaseSync.prototype;

/** From now on a database that this process opens can be kept from growing: its writes then fail as on a full disk. */
export function watchConnections(): void {
  DatabaseSync.prototype.exec = function (sql) {
    connections.add(this);
    exec.call(this, sql);
  };
  DatabaseSync.prototype.close = function () {
    connections.delete(this);
    close.call(this);
  };
}

/** SQLite's own limit for a file's pages, set on every connection to the store of a data folder. */
export function stopGrowth(dataDir: string): void {
  for (const connection of connectionsTo(dataDir)) {
    const pages = connection.prepare("PRAGMA page_count").get()?.page_count;
    connection.prepare(`PRAGMA max_page_count = ${pages}`).get();
  }
}

export function allowGrowth(dataDir: string): void {
  for (const connection of connectionsTo(dataDir)) connection.prepare("PRAGMA max_page_count = 1000000000").get();
}

function connectionsTo(dataDir: string): DatabaseSync[] {
  return [...connections].filter((connection) => connection.location() === join(dataDir, "paygent.db"));
}
