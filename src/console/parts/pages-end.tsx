import type { Pages } from "../use-pages.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";

/** Below a list that is read page by page: what is being read, why it is not there, and the way on. */
export function PagesEnd({ pages, name }: { readonly pages: Pages<unknown>; readonly name: string }) {
  const { items, hasMore, isLoading, failure, more } = pages;
  if (failure !== undefined) {
    return (
      <div className="mt-3">
        <Notice look="bad">
          <p>{failure}</p>
          <Button className="mt-2" onClick={more}>
            Try again
          </Button>
        </Notice>
      </div>
    );
  }
  if (isLoading) {
    return (
      <p role="status" className="mt-3 text-soft">
        {items === undefined ? "Loading…" : `Loading ${name}…`}
      </p>
    );
  }
  if (!hasMore) return null;
  return (
    <Button className="mt-3" onClick={more}>
      {`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`}
    </Button>
  );
}
