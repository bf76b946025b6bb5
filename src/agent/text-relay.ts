/**
 * Passes a model's text on as it grows. When an attempt is repeated, what was already shown is not shown
 * again; an attempt that says something else goes unshown from there on, as its whole text is stored anyway.
 */
export class TextRelay {
  readonly #onText: (delta: string) => void;
  #shown = "";
  #position = 0;
  #hasDiverged = false;

  constructor(onText: (delta: string) => void) {
    this.#onText = onText;
  }

  beginAttempt(): void {
    this.#position = 0;
    this.#hasDiverged = false;
  }

  push(delta: string): void {
    if (this.#hasDiverged || delta === "") return;
    const repeated = this.#shown.slice(this.#position, this.#position + delta.length);
    if (!delta.startsWith(repeated)) {
      this.#hasDiverged = true;
      return;
    }
    this.#position += delta.length;
    const fresh = delta.slice(repeated.length);
    if (fresh === "") return;
    this.#shown += fresh;
    this.#onText(fresh);
  }
}
