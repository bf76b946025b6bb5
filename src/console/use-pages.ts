import { useCallback, useEffect, useState } from "react";
import type { Page } from "../protocol/resources.ts";

export interface Pages<Item> {
  /** Those that were read so far; undefined before the first answer. */
  readonly items: readonly Item[] | undefined;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  /** Why the last page could not be read; what was read before stays. */
  readonly error: unknown;
  /** Reads the next page, or the first one when that failed. */
  readonly more: () => void;
}

/** A list that is read page by page. `load` must keep its identity; with another one the list begins anew. */
export function usePages<Item>(load: (cursor: string | undefined) => Promise<Page<Item>>): Pages<Item> {
  const [state, setState] = useState<Read<Item>>(nothing);
  // What was read by another function, of another filter, is no part of this list.
  const current = state.load === load ? state : nothing;

  const read = useCallback(
    async (before: readonly Item[], cursor: string | undefined) => {
      setState((now) => ({ ...(now.load === load ? now : nothing), load, isLoading: true, error: undefined }));
      let next: Partial<Read<Item>>;
      try {
        const page = await load(cursor);
        next = { items: [...before, ...page.data], cursor: page.next_cursor ?? undefined };
      } catch (error) {
        next = { error };
      }
      setState((now) => (now.load === load ? { ...now, ...next, isLoading: false } : now));
    },
    [load],
  );
  useEffect(() => void read([], undefined), [read]);

  const { items, cursor, isLoading, error } = current;
  const more = useCallback(() => void read(items ?? [], cursor), [read, items, cursor]);
  return { items, hasMore: cursor !== undefined, isLoading, error, more };
}

interface Read<Item> {
  readonly load?: (cursor: string | undefined) => Promise<Page<Item>>;
  readonly items: readonly Item[] | undefined;
  readonly cursor: string | undefined;
  readonly isLoading: boolean;
  readonly error: unknown;
}

const nothing = { items: undefined, cursor: undefined, isLoading: true, error: undefined };
