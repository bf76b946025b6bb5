import { useEffect, useRef } from "react";

/**
 * Chooses among the cards on the page by `j` and `k`; other keys press the chosen card's button of that key.
 * When the chosen card goes away the one that takes its place is chosen, so that a list is worked through.
 */
export function useCardKeys(cardIds: string): void {
  const place = useRef<number | undefined>(undefined);
  useEffect(() => {
    const onFocus = () => {
      const chosen = chosenOf(cards());
      if (chosen >= 0) place.current = chosen;
      else if (document.activeElement !== document.body) place.current = undefined;
    };
    window.addEventListener("keydown", onKey);
    document.addEventListener("focusin", onFocus);
    return () => {
      window.removeEventListener("keydown", onKey);
      document.removeEventListener("focusin", onFocus);
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: looks again whenever other cards are there.
  useEffect(() => {
    const isLost = place.current !== undefined && document.activeElement === document.body;
    if (!isLost) return;
    const left = cards();
    left[Math.min(place.current ?? 0, left.length - 1)]?.focus();
  }, [cardIds]);
}

function cards(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-card]")];
}

function chosenOf(all: readonly HTMLElement[]): number {
  return all.findIndex((card) => card.contains(document.activeElement));
}

function onKey(event: KeyboardEvent): void {
  const { target, key } = event;
  const isWriting = target instanceof HTMLElement && target.closest("input, textarea, select") !== null;
  if (isWriting || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const all = cards();
  const chosen = chosenOf(all);
  if (key === "j" || key === "k") {
    const next = key === "j" ? Math.min(chosen + 1, all.length - 1) : Math.max(chosen - 1, 0);
    all[next]?.focus();
  } else if (/^[are]$/.test(key) && chosen >= 0) {
    const button = all[chosen]?.querySelector<HTMLButtonElement>(`[data-key="${key}"]`);
    // Else the letter would be typed into the field that opens.
    if (button) event.preventDefault();
    button?.click();
  }
}
