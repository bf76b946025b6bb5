import type { ReactNode } from "react";
import { useTitle } from "../title.ts";

/** A screen that is a page of text and tables. */
export function Screen({
  title,
  actions,
  children,
}: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  useTitle(title);
  return (
    <main
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      data-after-cards=""
      className="-outline-offset-2 h-full scroll-pb-36 overflow-y-auto px-4 py-5 md:px-8"
    >
      <div className="mx-auto max-w-5xl">
        <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
          <h1 className="font-semibold text-lg">{title}</h1>
          {actions}
        </div>
        {children}
      </div>
    </main>
  );
}

/** What a screen says when there is nothing to show yet. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className="rounded-md border border-line border-dashed px-4 py-8 text-center text-soft">{children}</p>;
}
