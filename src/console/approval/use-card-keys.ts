import { useEffect } from "react";

/**
 * Chooses among the cards by `j` and `k`; other keys press the chosen card's button of that key. They are heard
 * while the focus is in the page's main part, which gets it when the page is opened (WCAG 2.2, 2.1.4).
 */
export function useCardKeys(): void {
  useEffect(() => {
    document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function onKey(event: KeyboardEvent): void {
  const { target, key } = event;
  if (!(target instanceof HTMLElement) || target.closest("main") === null) return;
  const isWriting = target.closest("input, textarea, select") !== null;
  if (isWriting || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const cards = [...document.querySelectorAll<HTMLElement>("[data-card]")];
  const chosen = cards.findIndex((card) => card.contains(document.activeElement));
  if (key === "j" || key === "k") {
    const next = key === "j" ? Math.min(chosen + 1, cards.length - 1) : Math.max(chosen - 1, 0);
    cards[next]?.focus();
  } else if (/^[are]$/.test(key) && chosen >= 0) {
    const button = cards[chosen]?.querySelector<HTMLButtonElement>(`[data-key="${key}"]`);
    // Else the letter would be typed into the field that opens.
    if (button) event.preventDefault();
    button?.click();
  }
}
