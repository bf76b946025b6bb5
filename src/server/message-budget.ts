const malformedPerMinute = 32;

/** How much a connection may say: so many messages a second, and few malformed ones a minute. */
export class MessageBudget {
  readonly #perSecond: number;
  #secondAt = 0;
  #inSecond = 0;
  #minuteAt = 0;
  #malformed = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** `over` is refused with an error, `flooding` is beyond that: half as much again in the same second. */
  spend(now: number): "within" | "over" | "flooding" {
    if (now - this.#secondAt >= 1000) {
      this.#secondAt = now;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    if (this.#inSecond <= this.#perSecond) return "within";
    return this.#inSecond <= this.#perSecond * 1.5 ? "over" : "flooding";
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
