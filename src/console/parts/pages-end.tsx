import type { Pages } from "../use-pages.ts";
import { Button } from "./button.tsx";
import { Failure } from "./failure.tsx";

/** Below a list that is read page by page: what is being read, why it is not there, and the way on. */
export function PagesEnd({ pages, name }: { readonly pages: Pages<unknown>; readonly name: string }) {
  const { items, hasMore, isLoading, error, more } = pages;
  if (error !== undefined) {
    return (
      <div className="mt-3">
        <Failure error={error} again={more} />
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
