import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";

/**
 * Something that wants an answer before anything else. The library's own overlay is left out: it writes a `<style>`
 * element, which the Content-Security-Policy forbids, to keep the page from scrolling, and the page does not scroll.
 */
export function Dialog({
  title,
  description,
  isOpen,
  onClose,
  isAlert = false,
  children,
}: {
  readonly title: string;
  readonly description?: ReactNode;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** For what cannot be undone by closing it: it is read out at once. */
  readonly isAlert?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <Radix.Root open={isOpen} onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <div aria-hidden="true" className="fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          role={isAlert ? "alertdialog" : "dialog"}
          aria-modal="true"
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          className="fixed top-1/2 left-1/2 z-50 max-h-[90dvh] w-[min(36rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-lg border border-line bg-panel p-5 shadow-xl"
        >
          <Radix.Title className="font-semibold text-base">{title}</Radix.Title>
          {description === undefined ? null : (
            <Radix.Description asChild>
              <div className="mt-1 text-soft">{description}</div>
            </Radix.Description>
          )}
          <div className="mt-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
