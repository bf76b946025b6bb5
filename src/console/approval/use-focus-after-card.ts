import { useEffect, useRef } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";

/**
 * Keeps the focus on the page when the card that has it goes away: it moves to the card that takes its place, and
 * after the last one to what carries `data-after-cards`.
 */
export function useFocusAfterCard(requests: readonly ApprovalRequired[]): void {
  const place = useRef<number | undefined>(undefined);
  useEffect(() => {
    const onFocus = () => {
      const chosen = cards().findIndex((card) => card.contains(document.activeElement));
      place.current = chosen < 0 ? undefined : chosen;
    };
    document.addEventListener("focusin", onFocus);
    return () => document.removeEventListener("focusin", onFocus);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: looks again whenever other requests are there.
  useEffect(() => {
    if (place.current === undefined || document.activeElement !== document.body) return;
    const left = cards();
    const next = left[Math.min(place.current, left.length - 1)];
    (next ?? document.querySelector<HTMLElement>("[data-after-cards]"))?.focus();
  }, [requests]);
}

function cards(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-card]")];
}
