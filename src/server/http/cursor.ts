import { PaygentError } from "../../protocol/errors.ts";
import type { Cursor } from "../../store/cursor.ts";

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.at} ${cursor.id}`).toString("base64url");
}

/** Throws `invalid_message` for what no list has given out. */
export function decodeCursor(text: string): Cursor {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f-]{36})$/.exec(
    Buffer.from(text, "base64url").toString("latin1"),
  );
  if (match?.[1] === undefined || match[2] === undefined) throw invalidCursor();
  return { at: match[1], id: match[2] };
}

/** The cursor of a log is the seq of the last entry of a page. */
export function decodeSeqCursor(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw invalidCursor();
  return Number(text);
}

function invalidCursor(): PaygentError {
  return new PaygentError("invalid_message", '"cursor" is not one that a list gave as next_cursor; leave it out.');
}
