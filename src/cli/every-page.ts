import type { PageQuery } from "../client/index.ts";
import type { Page } from "../protocol/resources.ts";

/** All items of a cursor-paged list, up to `limit`. */
export async function everyPage<Item>(read: (query: PageQuery) => Promise<Page<Item>>, limit = 1000): Promise<Item[]> {
  const items: Item[] = [];
  let query: PageQuery | undefined = {};
  while (query !== undefined && items.length < limit) {
    const page: Page<Item> = await read(query);
    items.push(...page.data);
    query = page.next_cursor === null ? undefined : { cursor: page.next_cursor };
  }
  return items.slice(0, limit);
}
