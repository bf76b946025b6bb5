import { setTimeout as delay } from "node:timers/promises";
import type { SessionConfig } from "../protocol/session-config.ts";
import { dueApprovals } from "../store/approvals.ts";
import type { StoredEvent } from "../store/event-log.ts";
import {
  cancelledAtRest,
  nextQueued,
  type OwnExecution,
  orphanedExecutions,
  ownExecutions,
  startableExecutions,
} from "../store/execution-queue.ts";
import type { ExecutionRow } from "../store/executions.ts";
import { beat, removeNode } from "../store/nodes.ts";
import type { Signal } from "./bus.ts";
import { finishCancelled } from "./cancel.ts";
import { isoTime } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { startQueued } from "./execute.ts";
import { expire } from "./expire.ts";
import { claimLease } from "./lease.ts";
import { Pauses } from "./pauses.ts";
import { reconcileDue } from "./reconcile.ts";
import { ExecutionRun } from "./run.ts";
import type { Claim } from "./run-log.ts";
import type { RunParts } from "./run-parts.ts";
import { RunPlaces } from "./run-places.ts";
import { commitCommand, type Runtime } from "./runtime.ts";
import { tidy } from "./tidy.ts";
import { untraced } from "./traced.ts";

export interface WorkerSettings {
  /** How often the store is searched for what nobody works on. */
  readonly sweepMs: number;
  /** How long a node may be silent before its executions are taken over. */
  readonly leaseMs: number;
  /** How often it says that it is alive; a quarter of the lease unless told. */
  readonly beatMs?: number;
  /** How many executions this node works on at once; those that wait for a human count on no node. */
  readonly maxRuns: number;
  /** How long after it was issued a token is taken at most; without an end revocations are kept for ever. */
  readonly maxTokenMs?: number | undefined;
  /** How long it waits, when the server goes down, for what cannot be left at once; 7 seconds unless told. */
  readonly drainMs?: number;
}

const sweepBatch = 100;
const tidyMs = 60_000;

/**
 * A node's share of the work: the runs under way here, and the sweep that finds what fell from other hands.
 * Everything it knows is in the store; it may die at any moment.
 */
export class Worker implements Dispatcher {
  readonly #runtime: Runtime;
  readonly #settings: WorkerSettings;
  readonly #runs = new Map<string, { run: ExecutionRun; done: Promise<void>; fence: number }>();
  readonly #places: RunPlaces;
  readonly #pauses: Pauses;
  readonly #timers: NodeJS.Timeout[] = [];
  #sweeping: Promise<void> = Promise.resolve();
  #isSweepDue = false;
  #reconciling: Promise<void> = Promise.resolve();
  #isReconciling = false;
  readonly #closing = new AbortController();
  #isDraining = false;
  #tidiedAt = 0;

  constructor(parts: RunParts, settings: WorkerSettings) {
    this.#runtime = { ...parts, worker: this };
    this.#settings = settings;
    this.#places = new RunPlaces(settings.maxRuns, () => this.#runs.size);
    this.#pauses = new Pauses(parts.clock, settings.sweepMs);
  }

  get runtime(): Runtime {
    return this.#runtime;
  }

  place: Dispatcher["place"] = (options) => this.#places.forCommand(options);

  /** Takes up what an earlier life of this node, or a dead one, left behind, and keeps doing so. */
  async open(): Promise<void> {
    const { sweepMs, leaseMs, beatMs = leaseMs / 4 } = this.#settings;
    this.#runtime.bus.onSignal((signal) => this.#heed(signal));
    await this.#beat();
    this.#sweepSoon();
    await this.#sweeping;
    // Apart from the sweep, which may take its time: a node that is busy is alive.
    this.#timers.push(setInterval(() => void this.#attempt("beat", () => this.#beat()), beatMs));
    this.#timers.push(setInterval(() => this.#sweepSoon(), sweepMs));
  }

  start(
    claimed: Claim,
    execution: ExecutionRow,
    config: SessionConfig,
    known: readonly StoredEvent[] | undefined,
  ): void {
    const other = this.#runs.get(claimed.executionId);
    // Answers to commits may come in another order than the commits: only the last claim holds.
    if (other !== undefined && other.fence > claimed.fence) return;
    other?.run.stop({ kind: "lost" });
    const run = new ExecutionRun(this.#runtime, claimed, execution, config, known);
    const done = run.run().then((end) => {
      if (this.#runs.get(claimed.executionId)?.run === run) {
        this.#runs.delete(claimed.executionId);
        if (end === "interrupted") this.#pauses.begin(claimed.executionId, run.lastSeq);
      }
      this.sessionFreed(claimed.sessionId);
    });
    this.#runs.set(claimed.executionId, { run, done, fence: claimed.fence });
    if (this.#isDraining) run.stop({ kind: "drain" });
  }

  poke(executionId: string): void {
    if (!this.#pokeHere(executionId)) this.#runtime.bus.signal({ kind: "poke", executionId });
  }

  cancel(executionId: string): void {
    if (!this.#cancelHere(executionId)) this.#runtime.bus.signal({ kind: "cancel", executionId });
  }

  #pokeHere(executionId: string): boolean {
    const here = this.#runs.get(executionId);
    here?.run.poke();
    return here !== undefined || this.#resumePaused(executionId);
  }

  #cancelHere(executionId: string): boolean {
    const here = this.#runs.get(executionId);
    here?.run.stop({ kind: "cancel" });
    return here !== undefined || this.#resumePaused(executionId);
  }

  #resumePaused(executionId: string): boolean {
    const isPaused = this.#pauses.end(executionId);
    if (isPaused) this.#sweepSoon();
    return isPaused;
  }

  sessionFreed(sessionId: string): void {
    if (this.#isDraining) return;
    const startNext = async () => {
      if (this.#places.isCrowded) return this.#startAll(await this.#startable());
      const next = await nextQueued(this.#runtime.store.db, sessionId);
      if (next !== undefined) await startQueued(this.#runtime, next);
    };
    void untraced(() => this.#attempt("start what is queued", startNext));
  }

  offer(): void {
    this.#places.isCrowded = true;
    this.#runtime.bus.signal({ kind: "work" });
    // Places may have come free between the look at them and the commit.
    if (this.#places.free > 0) this.#sweepSoon();
  }

  /** What another node says of an execution that may be here. */
  #heed(signal: Signal): void {
    switch (signal.kind) {
      case "cancel":
        return void this.#cancelHere(signal.executionId);
      case "poke":
        return void this.#pokeHere(signal.executionId);
      case "work":
        return this.#sweepSoon();
      case "terminated":
        return;
    }
  }

  /**
   * Stops every run at a step boundary and gives the leases back. What asks a chain that is slow is left where it
   * is: whoever takes over asks again.
   */
  async close(): Promise<void> {
    const { drainMs = 7000 } = this.#settings;
    this.#isDraining = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#closing.abort();
    await this.#sweeping;
    for (const { run } of this.#runs.values()) run.stop({ kind: "drain" });
    await Promise.race([this.#left(), delay(drainMs, undefined, { ref: false })]);
    await this.#attempt("give back the lease", () =>
      this.#runtime.store.write((tx) => removeNode(tx, this.#runtime.nodeId), { isUrgent: true }),
    );
    this.#runtime.bus.signal({ kind: "work" });
  }

  async #left(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all([...this.#runs.values()].map(({ done }) => done));
    await this.#reconciling;
  }

  /** Sweeps, after a sweep that is under way, however often it is asked for meanwhile. */
  #sweepSoon(): void {
    if (this.#isSweepDue || this.#isDraining) return;
    this.#isSweepDue = true;
    this.#sweeping = this.#sweeping.then(() => {
      this.#isSweepDue = false;
      return untraced(() => this.#sweep());
    });
  }

  async #beat(): Promise<void> {
    const { store, clock, nodeId } = this.#runtime;
    await store.write((tx) => beat(tx, nodeId, isoTime(clock.now())), { isUrgent: true });
  }

  /** Looks for everything that is due and that nobody does. Each find is dealt with alone, so one failure stops nothing. */
  async #sweep(): Promise<void> {
    const { store, clock, nodeId } = this.#runtime;
    const now = clock.now();
    // Asked together: on PostgreSQL that is one trip.
    const [due, orphaned, own, cancelled, queued] = await Promise.allSettled([
      dueApprovals(store.db, isoTime(now), sweepBatch),
      orphanedExecutions(store.db, nodeId, isoTime(now - this.#settings.leaseMs), sweepBatch),
      ownExecutions(store.db, nodeId),
      cancelledAtRest(store.db, sweepBatch),
      this.#startable(),
    ]);
    await this.#attempt("expire approvals", async () => {
      for (const approval of found(due)) {
        await this.#attempt("expire an approval", () => expire(this.#runtime, approval));
      }
    });
    await this.#attempt("take over executions", async () => {
      for (const orphan of found(orphaned)) {
        if (this.#places.free <= 0) return;
        await this.#attempt("take over an execution", () => this.#takeOver(orphan));
      }
    });
    await this.#attempt("look after what is claimed", () => this.#lookAfter(found(own)));
    await this.#attempt("end what is cancelled", async () => {
      for (const execution of found(cancelled)) {
        await this.#attempt("end a cancelled execution", () => finishCancelled(this.#runtime, execution));
      }
    });
    await this.#attempt("start queued executions", () => this.#startAll(found(queued)));
    await this.#attempt("tidy up", () => this.#tidy());
    this.#reconcile();
  }

  /** Goes on with what has no run, and tells the runs what no hint has told them. */
  async #lookAfter(own: readonly OwnExecution[]): Promise<void> {
    this.#pauses.keepOnly(new Set(own.map(({ id }) => id)));
    let left = sweepBatch;
    for (const execution of own) {
      const here = this.#runs.get(execution.id);
      if (here === undefined) {
        const isDue = execution.isCancelled || this.#pauses.isOver(execution.id);
        if (!isDue || left === 0 || this.#places.free <= 0) continue;
        left -= 1;
        await this.#attempt("take up an execution again", () => this.#takeOver(execution));
      } else if (execution.isCancelled) here.run.stop({ kind: "cancel" });
      else if (execution.lastSeq > here.run.lastSeq) here.run.poke();
    }
  }

  /** Beside the sweep: a chain that is silent must not hold up takeovers and expiries. */
  #reconcile(): void {
    if (this.#isReconciling || this.#isDraining) return;
    this.#isReconciling = true;
    this.#reconciling = this.#attempt("reconcile payments", () =>
      reconcileDue(this.#runtime, this.#closing.signal),
    ).finally(() => {
      this.#isReconciling = false;
    });
  }

  /** As much of what is queued as this node has room for. */
  async #startable(): Promise<ExecutionRow[]> {
    const room = Math.min(this.#places.free, sweepBatch);
    if (room <= 0) return [];
    const next = await startableExecutions(this.#runtime.store.db, room);
    if (next.length < room) this.#places.isCrowded = false;
    return next;
  }

  async #startAll(queued: readonly ExecutionRow[]): Promise<void> {
    for (const execution of queued) {
      if (!this.#places.hasFree() || this.#isDraining) return;
      await this.#attempt("start a queued execution", () => startQueued(this.#runtime, execution));
    }
  }

  async #tidy(): Promise<void> {
    const { store, clock } = this.#runtime;
    const now = clock.now();
    if (now - this.#tidiedAt < tidyMs) return;
    this.#tidiedAt = now;
    await tidy(store, { now, ...this.#settings });
  }

  async #takeOver(orphan: Pick<ExecutionRow, "id" | "sessionId" | "fence">): Promise<void> {
    const key = { sessionId: orphan.sessionId, executionId: orphan.id };
    using place = this.place();
    const { value } = await commitCommand(this.#runtime, key, async (unit) => {
      const { status, fence } = unit.execution;
      if (status !== "running" || fence !== orphan.fence || !place.take()) return undefined;
      return {
        claimed: claimLease(unit, this.#runtime.nodeId),
        execution: unit.execution,
        config: unit.session.config,
      };
    });
    if (value !== undefined) this.start(value.claimed, value.execution, value.config, undefined);
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#runtime.log.error({ err: error }, `could not ${what}`);
    }
  }
}

function found<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}
