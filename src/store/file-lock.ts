import { DatabaseSync } from "node:sqlite";

/** A file that this process holds; `close` lets it go. */
export interface Hold {
  close(): void;
}

const busy = 5;

/**
 * Holds a file for this process by SQLite's file lock, which the kernel frees even after a kill -9; `undefined`
 * when another process still holds it after `waitMs`, for which this one stands still. Throws a sentence when it
 * cannot be known who holds it.
 */
export function tryHold(path: string, waitMs = 0): Hold | undefined {
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path, { timeout: waitMs });
    file.exec("BEGIN EXCLUSIVE");
    return file;
  } catch (error) {
    file?.close();
    if (isBusy(error)) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The file ${path} cannot be locked: ${why}. See that its folder can be written to, and move the file away if it is something else.`,
      { cause: error },
    );
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return false;
  return (error.errcode & 0xff) === busy;
}
