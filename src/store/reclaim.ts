import { sql } from "kysely";
import type { Store } from "./database.ts";

const stepPages = 256;
const leastFreePages = 1024;

/**
 * Gives room that deleted rows left in a SQLite file back to the disk, in steps that hold up nobody for long. A
 * quarter of the file may stay free: the next rows take that, and a file need not shrink and grow by turns.
 * PostgreSQL's own vacuum keeps freed room for new rows.
 */
export async function reclaimSpace(store: Store, signal: AbortSignal): Promise<void> {
  if (store.dialect !== "sqlite") return;
  let before = Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    const [free, pages] = [await count(store, "freelist_count"), await count(store, "page_count")];
    // A file that was made without `auto_vacuum` keeps its free pages, however often it is asked.
    if (free < leastFreePages || free * 4 <= pages || free >= before) return;
    before = free;
    await store.write((tx) => sql`pragma incremental_vacuum(${sql.lit(stepPages)})`.execute(tx));
  }
}

async function count({ db }: Store, pragma: "freelist_count" | "page_count"): Promise<number> {
  const { rows } = await sql<Record<string, number>>`pragma ${sql.raw(pragma)}`.execute(db);
  return rows[0]?.[pragma] ?? 0;
}
