const malformedPerMinute = 32;

/** How much a connection may say: so many messages a second, and few malformed ones a minute. */
export class MessageBudget {
  readonly #perSecond: number;
  #secondAt = 0;
  #inSecond = 0;
  #refusedInSecond = 0;
  #minuteAt = 0;
  #malformed = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  spend(now: number): "within" | "over" | "flooding" {
    this.#turn(now);
    this.#inSecond += 1;
    return this.#inSecond <= this.#perSecond ? "within" : this.refuse(now);
  }

  /**
   * Counts a message that is refused, by this limit or by another: `over` is refused with an error, `flooding` is
   * beyond that, half as much again in the same second.
   */
  refuse(now: number): "over" | "flooding" {
    this.#turn(now);
    this.#refusedInSecond += 1;
    return this.#refusedInSecond <= this.#perSecond / 2 ? "over" : "flooding";
  }

  #turn(now: number): void {
    if (now - this.#secondAt < 1000) return;
    this.#secondAt = now;
    this.#inSecond = 0;
    this.#refusedInSecond = 0;
  }

  /** True when one more malformed message is one too many. */
  spendMalformed(now: number): boolean {
    if (now - this.#minuteAt >= 60_000) {
      this.#minuteAt = now;
      this.#malformed = 0;
    }
    this.#malformed += 1;
    return this.#malformed >= malformedPerMinute;
  }
}
