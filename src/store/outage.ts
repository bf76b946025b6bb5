import { PaygentError } from "../protocol/errors.ts";

const sqliteIoError = 10;
const sqliteFull = 13;

/** Whether SQLite could not write a file: the disk is full, or fails. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return false;
  const primary = error.errcode & 0xff;
  return primary === sqliteFull || primary === sqliteIoError;
}

/**
 * Whether a query failed because of its connection or of what PostgreSQL has left (disk, memory, slots), and
 * not because of the query.
 */
export function isLostConnection(error: unknown): boolean {
  const code = errorCode(error);
  if (typeof code === "string") return /^(08|53|57P|25006|25P03|E[A-Z]+$)/.test(code);
  // The driver gives its own errors no code.
  return error instanceof Error && /connection|connect$|not queryable|read timeout/i.test(error.message);
}

export function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

export function unwritable(cause: unknown): PaygentError {
  const sentence = "The store cannot write at the moment; nothing was changed. Try again shortly.";
  return new PaygentError("unavailable", sentence, { cause });
}

/** Too much waits to be written. */
export function crowded(): PaygentError {
  const sentence = "The store cannot keep up at the moment; nothing was changed. Try again shortly.";
  return new PaygentError("unavailable", sentence);
}

/** Says nothing about what was changed: a connection can break between a commit and the word of it. */
export function unreachable(cause: unknown): PaygentError {
  return new PaygentError("unavailable", "The store cannot be reached at the moment. Try again shortly.", { cause });
}
