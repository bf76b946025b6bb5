import { AsyncLocalStorage } from "node:async_hooks";
import nodeCrypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";

/** Whoever does something in a simulation: its timers, random numbers and requests are those of the simulation. */
export interface Actor {
  readonly time: VirtualTime;
  /** Whole numbers from 0 to below `limit`, for ids. */
  readonly idRandom: (limit: number) => number;
  /** What the actor's own clock shows, in milliseconds since the epoch. */
  now(): number;
  /** A dead actor's pending work is dropped: whatever it awaited never comes. */
  isAlive: boolean;
  /** Until when, in virtual time, the actor stands still, as a stopped process does. */
  stoppedUntil: number;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

interface Task {
  at: number;
  /** Among tasks of the same moment the order is drawn, so that no seed depends on who asked first. */
  readonly tie: number;
  readonly order: number;
  readonly actor: Actor | undefined;
  readonly run: () => void | Promise<void>;
  isDropped: boolean;
}

const actors = new AsyncLocalStorage<Actor>();
const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  fetch: globalThis.fetch,
  dateNow: Date.now,
  performanceNow: performance.now.bind(performance),
  randomUUID: nodeCrypto.randomUUID,
  getRandomValues: crypto.getRandomValues.bind(crypto),
  timeout: AbortSignal.timeout,
  delay: timersPromises.setTimeout,
};

/** Who is acting at the moment, if it is somebody of a simulation. */
export function actingNow(): Actor | undefined {
  return actors.getStore();
}

/** Does something as an actor; whatever follows from it, at once or later, is the actor's too. */
export function actAs<T>(actor: Actor, work: () => T): T {
  return actors.run(actor, work);
}

/**
 * The time of one simulation: a queue of what is to happen when. Nothing happens by itself; `step` takes the
 * next thing, and everything that follows from it without waiting for another.
 */
export class VirtualTime {
  /** Milliseconds since the simulation began. */
  now = 0;
  readonly #queue: Task[] = [];
  readonly #random: (limit: number) => number;
  /** Waits until nothing is under way outside of the queue; a database in another process may be. */
  readonly #settled: () => Promise<void>;
  #order = 0;

  constructor(random: (limit: number) => number, settled: () => Promise<void> = oneTurn) {
    this.#random = random;
    this.#settled = settled;
  }

  schedule(delayMs: number, actor: Actor | undefined, run: () => void | Promise<void>): Task {
    const at = this.now + Math.max(0, delayMs || 0);
    const task = { at, tie: this.#random(1 << 20), order: this.#order++, actor, run, isDropped: false };
    push(this.#queue, task);
    return task;
  }

  drop(task: Task): void {
    task.isDropped = true;
  }

  /** When the next thing is due; undefined when there is none. */
  get next(): number | undefined {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (!first.isDropped && first.actor?.isAlive !== false) return first.at;
      pop(this.#queue);
    }
    return undefined;
  }

  /** Does the next thing that is due; false when there is none. */
  async step(): Promise<boolean> {
    for (let task = pop(this.#queue); task !== undefined; task = pop(this.#queue)) {
      const { actor } = task;
      if (task.isDropped || actor?.isAlive === false) continue;
      if (actor !== undefined && actor.stoppedUntil > task.at) {
        task.at = actor.stoppedUntil;
        push(this.#queue, task);
        continue;
      }
      this.now = Math.max(this.now, task.at);
      await (actor === undefined ? task.run() : actAs(actor, task.run));
      await this.#settled();
      return true;
    }
    return false;
  }

  /** Lets time pass in which nobody does anything, as when a machine sleeps: what was due in it is late. */
  sleep(ms: number): void {
    this.now += ms;
  }
}

function isBefore(one: Task, other: Task): boolean {
  if (one.at !== other.at) return one.at < other.at;
  return one.tie === other.tie ? one.order < other.order : one.tie < other.tie;
}

function push(heap: Task[], task: Task): void {
  let at = heap.length;
  heap.push(task);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(task, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = task;
}

function pop(heap: Task[]): Task | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    let child = heap[below];
    const right = heap[below + 1];
    if (child === undefined) break;
    if (right !== undefined && isBefore(right, child)) {
      below += 1;
      child = right;
    }
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
  return first;
}

/** Every promise that can go on has gone on when the event loop comes round. */
export function oneTurn(): Promise<void> {
  return new Promise((resolve) => real.setImmediate(resolve));
}

/** What `setTimeout` gives in a simulation. */
class VirtualTimer {
  task: Task | undefined;
  ref = () => this;
  unref = () => this;
  hasRef = () => true;
  refresh = () => this;
}

function dropTimer(timer: unknown, otherwise: (timer: never) => void): void {
  if (!(timer instanceof VirtualTimer)) otherwise(timer as never);
  else if (timer.task !== undefined) {
    timer.task.isDropped = true;
    timer.task = undefined;
  }
}

type Callback = (...args: unknown[]) => void;

function virtualTimeout(actor: Actor, callback: Callback, ms: number, args: unknown[]): VirtualTimer {
  const timer = new VirtualTimer();
  timer.task = actor.time.schedule(ms, actor, () => callback(...args));
  return timer;
}

function virtualInterval(actor: Actor, callback: Callback, ms: number, args: unknown[]): VirtualTimer {
  const timer = new VirtualTimer();
  const next = () => {
    timer.task = actor.time.schedule(ms, actor, () => {
      next();
      callback(...args);
    });
  };
  next();
  return timer;
}

/** The promise of `node:timers/promises`, which a signal ends early. */
function virtualDelay(actor: Actor, ms: number, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      task.isDropped = true;
      reject(signal?.reason);
    };
    const task = actor.time.schedule(ms, actor, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve(value);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}

let isInstalled = false;

/**
 * Makes timers, dates, random numbers and `fetch` those of the simulation for whoever acts in one; for everybody
 * else, such as the test runner, they stay what they were. They are globals of the process, so there is no other
 * way to reach those that libraries use. `Math.random` is left alone: a library makes names with it that must
 * differ from one simulation to the next, and nothing else is decided by it.
 */
export function installVirtualTime(): void {
  if (isInstalled) return;
  isInstalled = true;
  const inSimulation =
    <Given extends unknown[], Result>(simulated: (actor: Actor, ...given: Given) => Result, outside: Callback) =>
    (...given: Given): Result => {
      const actor = actors.getStore();
      // What stands outside takes and gives what the original does.
      return actor === undefined ? (outside(...given) as Result) : simulated(actor, ...given);
    };
  const asReal = (fn: unknown) => fn as Callback;
  Object.assign(globalThis, {
    setTimeout: inSimulation(
      (actor, callback: Callback, ms: number, ...args: unknown[]) => virtualTimeout(actor, callback, ms, args),
      asReal(real.setTimeout),
    ),
    setInterval: inSimulation(
      (actor, callback: Callback, ms: number, ...args: unknown[]) => virtualInterval(actor, callback, ms, args),
      asReal(real.setInterval),
    ),
    clearTimeout: (timer: unknown) => dropTimer(timer, real.clearTimeout),
    clearInterval: (timer: unknown) => dropTimer(timer, real.clearInterval),
    fetch: inSimulation(
      (actor, url: string | URL, init?: RequestInit) => actor.fetch(String(url), init ?? {}),
      asReal(real.fetch),
    ),
  });
  Date.now = inSimulation((actor) => actor.now(), asReal(real.dateNow));
  performance.now = inSimulation((actor) => actor.time.now, asReal(real.performanceNow));
  AbortSignal.timeout = inSimulation((actor, ms: number) => {
    const controller = new AbortController();
    const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError");
    actor.time.schedule(ms, actor, () => controller.abort(reason));
    return controller.signal;
  }, asReal(real.timeout));
  crypto.getRandomValues = inSimulation(
    (actor, array: Uint8Array) => fill(actor, array),
    asReal(real.getRandomValues),
  ) as typeof crypto.getRandomValues;
  nodeCrypto.randomUUID = inSimulation(
    (actor) => uuid(actor.idRandom),
    asReal(real.randomUUID),
  ) as typeof nodeCrypto.randomUUID;
  timersPromises.setTimeout = inSimulation(
    (actor, ms = 0, value?: unknown, options?: { signal?: AbortSignal }) =>
      virtualDelay(actor, ms, value, options?.signal),
    asReal(real.delay),
  ) as typeof timersPromises.setTimeout;
  // Named imports of these modules are bound anew.
  syncBuiltinESMExports();
}

function fill(actor: Actor, array: Uint8Array): Uint8Array {
  for (let index = 0; index < array.length; index++) array[index] = actor.idRandom(256);
  return array;
}

/** A UUID of version 4 by the numbers given. */
export function uuid(random: (limit: number) => number): string {
  const hex = Array.from({ length: 8 }, () => random(0x1_0000).toString(16).padStart(4, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
