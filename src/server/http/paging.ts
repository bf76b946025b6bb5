import type { Page } from "../../protocol/resources.ts";
import type { Cursor } from "../../store/cursor.ts";
import type { Slice } from "./api.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

/** Reads one item more than asked for, which tells whether there is a next page. */
export async function page<Item>(
  query: { readonly cursor?: string | undefined; readonly limit: number },
  read: (slice: Slice) => Promise<readonly Item[]>,
  cursorOf: (item: Item) => Cursor,
): Promise<Page<Item>> {
  const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
  const items = await read({ before, limit: query.limit + 1 });
  const data = items.slice(0, query.limit);
  const last = data.at(-1);
  const next = items.length > query.limit && last !== undefined ? encodeCursor(cursorOf(last)) : null;
  return { data, next_cursor: next };
}

/** A list that fits on one page. */
export function wholeList<Item>(data: readonly Item[]): Page<Item> {
  return { data, next_cursor: null };
}
