import type { ReactNode } from "react";

/** The buttons of a card. They stay in sight while the card is scrolled, so that a phone shows them at once. */
export function CardActions({
  isSending,
  said = "",
  children,
}: {
  readonly isSending: boolean;
  /** What is to be known when nothing is being sent. */
  readonly said?: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="sticky bottom-0 -mx-1 mt-2 flex flex-wrap items-center gap-2 bg-warn-panel px-1 py-1.5">
      {children}
      <span role="status" className="text-soft text-xs">
        {isSending ? "Sent; waiting for the server's answer." : said}
      </span>
    </div>
  );
}
