import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import type { Unit } from "../store/unit.ts";
import type { MeteredRequest, ModelMeter, ModelUsage } from "./agent-model.ts";
import { reserveForModel, settleForgotten, settleForModel } from "./model-budget.ts";
import { costOf, type ModelPrice } from "./model-price.ts";
import type { RunLog } from "./run-log.ts";

/**
 * One run's account of what its model is asked: before each request the most that it can cost is set aside, in
 * a transaction of its own; what it did cost is written down with the run's next commit that is about money.
 */
export class RunMeter implements ModelMeter {
  readonly #log: RunLog;
  readonly #price: ModelPrice;
  readonly #open = new Set<string>();
  /** By request, what is still to be written down; undefined where nobody knows what it cost. */
  readonly #ended = new Map<string, bigint | undefined>();
  #hasAskedBefore = false;
  #begun = 0;

  constructor(log: RunLog, price: ModelPrice) {
    this.#log = log;
    this.#price = price;
  }

  /** How many requests were begun so far. */
  get begun(): number {
    return this.#begun;
  }

  async begin(inputBytes: number): Promise<MeteredRequest> {
    const id = randomUUID();
    // Before the commit: another agent of this run may look for forgotten requests in between.
    this.#open.add(id);
    const maxOutputTokens = await this.#setAside(id, inputBytes).catch((error: unknown) => {
      this.#open.delete(id);
      throw error;
    });
    this.#begun += 1;
    return {
      maxOutputTokens,
      end: (usage) => {
        if (this.#open.delete(id)) this.#ended.set(id, this.#costOf(usage));
      },
    };
  }

  async #setAside(id: string, inputBytes: number): Promise<number> {
    const given = await this.commit(async (unit, overrun) => {
      if (overrun !== undefined) return overrun;
      if (!this.#hasAskedBefore) await settleForgotten(unit, new Set([...this.#open, ...this.#ended.keys()]));
      return reserveForModel(unit, this.#keyOf(id), { price: this.#price, inputBytes });
    });
    this.#hasAskedBefore = true;
    if (given instanceof PaygentError) throw given;
    return given;
  }

  /** Commits `work`, and with it what the requests that have ended cost; `overrun` is what no budget had left. */
  async commit<T>(
    work: (unit: Unit, overrun: PaygentError | undefined) => Promise<T>,
    options: { readonly isConcluding?: boolean } = {},
  ): Promise<T> {
    const ended = [...this.#ended];
    const value = await this.#log.commit(async (unit) => {
      let overrun: PaygentError | undefined;
      for (const [id, cost] of ended) overrun = (await settleForModel(unit, this.#keyOf(id), cost)) ?? overrun;
      return work(unit, overrun);
    }, options);
    for (const [id] of ended) this.#ended.delete(id);
    return value;
  }

  #keyOf(id: string) {
    return { executionId: this.#log.claim.executionId, toolId: id };
  }

  #costOf(usage: ModelUsage | undefined): bigint | undefined {
    return usage === undefined ? undefined : costOf(this.#price, usage);
  }
}
