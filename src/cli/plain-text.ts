import { stripVTControlCharacters } from "node:util";

/**
 * Characters that move the cursor, reorder or hide text. What agents and services say is shown without
 * them, so that nothing on the screen can pretend to be something else.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const lineBreak = /\r\n|[\n\r\u2028\u2029]/;

/** Untrusted text as lines that are safe to print. */
export function plainLines(text: string): string[] {
  return stripVTControlCharacters(text)
    .split(lineBreak)
    .map((line) => line.replaceAll("\t", "  ").replace(unseen, "").toWellFormed());
}

/** Untrusted text on one line. */
export function plainText(text: string): string {
  return plainLines(text).join(" ");
}

/** A piece of a stream of untrusted text: it may end in the middle of a sequence, so each character is judged alone. */
export function plainPiece(text: string): string {
  return text.replace(unseen, (character) => (character === "\n" ? "\n" : character === "\t" ? "  " : ""));
}

/** JSON on one line; what a terminal might obey is escaped, so the value stays the same for a program. */
export function jsonLine(value: unknown): string {
  return escapeUnseen(JSON.stringify(value));
}

/** JSON for reading, one property a line. Hidden characters are shown as escapes, so they hide nothing. */
export function jsonLines(value: unknown): string[] {
  return JSON.stringify(value, undefined, 2).split("\n").map(escapeUnseen);
}

function escapeUnseen(json: string): string {
  return json.replace(unseen, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

/** Shortens a line to `width` characters, with an ellipsis where something is missing. */
export function shorten(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, Math.max(1, width - 1)).join("")}…`;
}
