/** Turns pushed values into an async iteration. Values are kept until the reader takes them. */
export class EventQueue<Value> implements AsyncIterableIterator<Value> {
  readonly #values: Value[] = [];
  readonly #onReturn: () => void;
  #end: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(value: Value): void {
    if (this.#end !== undefined) return;
    this.#values.push(value);
    this.#wake?.();
  }

  /** Ends the iteration after the values that wait; with an error, by throwing it. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Value, undefined>> {
    for (;;) {
      if (this.#values.length > 0) {
        // There is one: the length says so, and `undefined` may itself be a value.
        return { done: false, value: this.#values.shift() as Value };
      }
      if (this.#end !== undefined) {
        const { error } = this.#end;
        this.#end = { error: undefined };
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Value, undefined>> {
    this.#values.length = 0;
    this.end();
    this.#onReturn();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
