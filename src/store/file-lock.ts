import { DatabaseSync } from "node:sqlite";

/** Holds a file for this process by SQLite's own file lock, which the kernel frees even after a kill -9. */
export function lockFile(path: string, taken: string): { close(): void } {
  const lock = new DatabaseSync(path);
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    throw new Error(taken, { cause: error });
  }
  return lock;
}
