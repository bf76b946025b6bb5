import type { Signal } from "../runtime/bus.ts";
import type { Head, HintMessage } from "./hint-message.ts";

const maxDeltaBytes = 256 * 1024;
const maxKnownHeads = 10_000;
const maxSignals = 10_000;

/**
 * What waits to be sent to the other nodes. Heads of one session become one; live text beyond a bound is
 * dropped, so that it never delays what is durable, and so are the oldest of very many signals.
 */
export class Outbox {
  #heads = new Map<string, Head>();
  #signals: Signal[] = [];
  #deltas: HintMessage["deltas"][number][] = [];
  #deltaBytes = 0;
  /** The last event told of per session, for the live text that comes behind it. */
  readonly #known = new Map<string, number>();

  addHead(sessionId: string, { first, last }: Head): void {
    const waiting = this.#heads.get(sessionId);
    const head = waiting
      ? { first: Math.min(waiting.first, first), last: Math.max(waiting.last, last) }
      : { first, last };
    this.#heads.set(sessionId, head);
    this.#known.delete(sessionId);
    this.#known.set(sessionId, last);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= maxKnownHeads) break;
      this.#known.delete(oldest);
    }
  }

  addSignal(signal: Signal): void {
    this.#signals.push(signal);
    if (this.#signals.length > maxSignals) this.#signals.shift();
  }

  addDelta(sessionId: string, frame: string): void {
    if (this.#deltaBytes + frame.length > maxDeltaBytes) return;
    this.#deltaBytes += frame.length;
    this.#deltas.push([sessionId, this.#known.get(sessionId) ?? 0, frame]);
  }

  get isEmpty(): boolean {
    return this.#heads.size === 0 && this.#signals.length === 0 && this.#deltas.length === 0;
  }

  /** Takes out as much as fits into one text: what is durable first. */
  take(from: string, maxBytes: number): string {
    const heads: Record<string, Head> = {};
    const signals: Signal[] = [];
    const deltas: HintMessage["deltas"][number][] = [];
    let left = maxBytes - 200;
    const fits = (value: unknown) => {
      left -= Buffer.byteLength(JSON.stringify(value)) + 50;
      return left >= 0;
    };
    for (const [sessionId, head] of this.#heads) {
      if (!fits([sessionId, head])) break;
      heads[sessionId] = head;
      this.#heads.delete(sessionId);
    }
    while (this.#signals[0] !== undefined && fits(this.#signals[0])) signals.push(this.#signals.shift() as Signal);
    while (this.#deltas[0] !== undefined) {
      const [delta] = this.#deltas;
      const isTooLong = Buffer.byteLength(JSON.stringify(delta)) + 250 > maxBytes;
      if (!isTooLong && !fits(delta)) break;
      this.#deltas.shift();
      this.#deltaBytes -= delta[2].length;
      if (!isTooLong) deltas.push(delta);
    }
    return JSON.stringify({ from, heads, deltas, signals } satisfies HintMessage);
  }
}
