import { DatabaseSync } from "node:sqlite";

/** A file that this process holds; `close` lets it go. */
export interface Hold {
  close(): void;
}

const busy = 5;

/**
 * Holds a file for this process by SQLite's file lock, which the kernel frees even after a kill -9; `undefined`
 * when another process still holds it after `waitMs`, for which this one stands still.
 */
export function tryHold(path: string, waitMs = 0): Hold | undefined {
  const file = new DatabaseSync(path, { timeout: waitMs });
  try {
    file.exec("BEGIN EXCLUSIVE");
    return file;
  } catch (error) {
    file.close();
    if (error instanceof Error && "errcode" in error && error.errcode === busy) return undefined;
    throw error;
  }
}
