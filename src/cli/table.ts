import { plainText, shorten } from "./plain-text.ts";
import type { Colors } from "./terminal.ts";

/**
 * Rows under headings, aligned; the last column takes what the screen has left. Cells may be untrusted.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
  colors: Colors,
): string[] {
  const cells = rows.map((row) => row.map((cell) => plainText(cell)));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => [...(row[column] ?? "")].length)),
  );
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, column) =>
      column === headings.length - 1 ? cell : cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)),
    );
    return shorten(padded.join("  "), columns).trimEnd();
  };
  return [colors.dim(line(headings.map((heading) => heading.toUpperCase()))), ...cells.map(line)];
}

/** Names and values, one pair a line, the values aligned. */
export function fields(pairs: readonly (readonly [name: string, value: string])[], colors: Colors): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${colors.dim(name.padEnd(width))}  ${plainText(value)}`);
}
