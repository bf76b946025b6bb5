import { readFileSync } from "node:fs";

/** A row of a Markdown table, by the words of the table's head. */
export type TableRow = Readonly<Record<string, string>>;

/** A heading of PROTOCOL.md with the rows of the tables right below it. */
export interface DocumentSection {
  /** The headings above, then its own, without backticks: `["Messages", "execute"]`. */
  readonly path: readonly string[];
  readonly rows: readonly TableRow[];
}

/** The sections of PROTOCOL.md, in order. */
export function protocolSections(): DocumentSection[] {
  const sections: { path: string[]; rows: TableRow[] }[] = [];
  let path: string[] = [];
  let head: string[] | undefined;
  for (const line of readFileSync(new URL("../../PROTOCOL.md", import.meta.url), "utf8").split("\n")) {
    const heading = /^(#{2,3}) (.+)$/.exec(line);
    if (heading?.[1] !== undefined && heading[2] !== undefined) {
      path = [...path.slice(0, heading[1].length - 2), heading[2].replaceAll("`", "")];
      sections.push({ path, rows: [] });
    }
    if (!line.startsWith("|")) {
      head = undefined;
      continue;
    }
    const cells = line.split("|").slice(1, -1);
    const texts = cells.map((cell) => cell.trim());
    if (head === undefined) head = texts;
    else if (!/^-+$/.test(texts[0] ?? "")) {
      sections.at(-1)?.rows.push(Object.fromEntries(head.map((name, index) => [name, texts[index] ?? ""])));
    }
  }
  return sections;
}

/** The cells of a column, without backticks. */
export function column({ rows }: DocumentSection, name: string): string[] {
  return rows.map((row) => (row[name] ?? "").replaceAll("`", ""));
}
