import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import type { InFlight } from "../protocol/events.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { StoredEvent } from "../store/event-log.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { Unit } from "../store/unit.ts";
import { AgentLoop } from "./agent-loop.ts";
import { errorInfo } from "./error-info.ts";
import { finish, tellCancelled } from "./finish.ts";
import { allAgents, newFold, openCalls } from "./fold.ts";
import { releaseLease } from "./lease.ts";
import { settleForgotten } from "./model-budget.ts";
import { RunMeter } from "./model-meter.ts";
import { inFlightOutcome, resolvePayments } from "./resolve-payments.ts";
import { type Claim, RunLog } from "./run-log.ts";
import type { RunParts } from "./run-parts.ts";
import { Stopped, type StopReason } from "./stop.ts";
import { traced } from "./traced.ts";

/**
 * One node's work on one execution, from a claim until the execution ends, waits for a human, or the lease
 * is given up. It keeps nothing that is not in the log: another run can go on from any point.
 */
export class ExecutionRun {
  readonly #parts: RunParts;
  readonly #execution: ExecutionRow;
  readonly #config: SessionConfig;
  readonly #abort = new AbortController();
  readonly #log: RunLog;
  readonly #meter: RunMeter | undefined;
  /** What a cancellation at this moment would have to say of each call that is under way. */
  readonly #inFlight = new Map<string, InFlight["outcome"]>();
  #stopReason: StopReason | undefined;

  /** `known` are the execution's events when the caller has just written all there are; else they are read. */
  constructor(
    parts: RunParts,
    claim: Claim,
    execution: ExecutionRow,
    config: SessionConfig,
    known: readonly StoredEvent[] | undefined,
  ) {
    this.#parts = parts;
    this.#execution = execution;
    this.#config = config;
    this.#log = new RunLog(parts, claim, newFold(execution.command, Date.parse(execution.createdAt)), known);
    const price = parts.modelPriceOf(config);
    this.#meter = price === undefined ? undefined : new RunMeter(this.#log, price);
  }

  /** Up to which event the run knows its execution. */
  get lastSeq(): number {
    return this.#log.fold.lastSeq;
  }

  /** Works until there is nothing to do, or something that it needs is not there; never rejects. */
  run(): Promise<"over" | "interrupted"> {
    const { sessionId, executionId } = this.#log.claim;
    const attributes = {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "paygent",
      "gen_ai.conversation.id": sessionId,
      "paygent.execution.id": executionId,
    };
    return traced("invoke_agent paygent", attributes, () => this.#run());
  }

  async #run(): Promise<"over" | "interrupted"> {
    const timeLeftMs = this.#config.execution_timeout_s * 1000 - this.#execution.activeMs;
    const timer = setTimeout(() => this.stop({ kind: "timeout" }), Math.max(0, timeLeftMs));
    try {
      if (this.#execution.cancelBy !== null) throw new Stopped({ kind: "cancel" });
      const loop = new AgentLoop({
        parts: this.#parts,
        log: this.#log,
        execution: this.#execution,
        config: this.#config,
        abort: this.#abort,
        meter: this.#meter,
        inFlight: this.#inFlight,
      });
      while ((await loop.advance(this.#log.fold.root)) === "waiting" && !(await this.#park())) {
        // Somebody decided between the last look at the log and the attempt to rest.
      }
      return "over";
    } catch (error) {
      return await this.#conclude(this.#stopReason === undefined ? error : new Stopped(this.#stopReason));
    } finally {
      clearTimeout(timer);
      this.#abort.abort(new Stopped({ kind: "lost" }));
    }
  }

  /** Says that somebody else wrote to the execution's log. */
  poke(): void {
    this.#log.poke();
  }

  stop(reason: StopReason): void {
    if (this.#stopReason !== undefined) return;
    this.#stopReason = reason;
    this.#abort.abort(new Stopped(reason));
    this.#log.wake();
  }

  /** Rests until a human decides; false when something has happened meanwhile. */
  #park(): Promise<boolean> {
    return this.#log.commit(async (unit) => {
      if (unit.execution.lastSeq !== this.#log.fold.lastSeq) {
        this.#log.poke();
        return false;
      }
      releaseLease(unit);
      unit.execution.status = "waiting";
      return true;
    });
  }

  /** Ends the run after it was stopped or something failed. */
  async #conclude(error: unknown): Promise<"over" | "interrupted"> {
    const { log } = this.#parts;
    const { sessionId, executionId } = this.#log.claim;
    const about = { session_id: sessionId, execution_id: executionId };
    try {
      if (error instanceof Stopped) await this.#concludeStopped(error.reason);
      else if (error instanceof PaygentError && error.code !== "unavailable") await this.#fail(error);
      else if (error instanceof PaygentError) {
        log.warn({ ...about, err: error }, "run interrupted; it goes on later");
        return "interrupted";
      } else {
        const correlationId = randomUUID();
        log.error({ ...about, err: error, correlation_id: correlationId }, "run failed");
        const sentence = `Something went wrong inside Paygent; the log has it under ${correlationId}.`;
        await this.#fail(new PaygentError("internal", sentence), correlationId);
      }
      return "over";
    } catch (failure) {
      if (failure instanceof Stopped) return "over";
      // The row still says running: a sweep takes it up again.
      log.error({ ...about, err: failure }, "run could not be concluded");
      return "interrupted";
    }
  }

  async #concludeStopped(reason: StopReason): Promise<void> {
    switch (reason.kind) {
      case "cancel":
        return this.#cancel();
      case "timeout": {
        const sentence = `The execution ran for its limit of ${this.#config.execution_timeout_s} seconds. Raise execution_timeout_s in the session's config or ask for less.`;
        return this.#fail(new PaygentError("timeout", sentence));
      }
      case "drain":
        return this.#commitEnd(
          async (unit) => {
            await settleForgotten(unit);
            releaseLease(unit);
          },
          { isConcluding: false },
        );
      case "lost":
        return;
    }
  }

  async #cancel(): Promise<void> {
    const { store, wallet } = this.#parts;
    await this.#log.confirm();
    await this.#log.read();
    const payments = await resolvePayments(store, wallet, this.#log.claim.executionId);
    const in_flight = allAgents(this.#log.fold).flatMap((agent) =>
      openCalls(agent).map(({ toolId }) => ({
        tool_id: toolId,
        outcome: inFlightOutcome(payments, toolId) ?? this.#inFlight.get(toolId) ?? ("not_started" as const),
      })),
    );
    await this.#commitEnd((unit) => tellCancelled(unit, in_flight, payments));
  }

  /** Commits the last that this run has to say, with what its model has cost. */
  #commitEnd(work: (unit: Unit) => Promise<void>, options = { isConcluding: true }): Promise<void> {
    return (this.#meter ?? this.#log).commit(work, options);
  }

  async #fail(error: PaygentError, correlationId?: string): Promise<void> {
    const { store, wallet } = this.#parts;
    await this.#log.confirm();
    const payments = await resolvePayments(store, wallet, this.#log.claim.executionId);
    await this.#commitEnd(async (unit) => {
      await finish(unit, "failed", payments, () =>
        unit.append("error", {
          code: error.code,
          message: error.message,
          fatal: true,
          ...(error.details === undefined ? {} : { details: error.details }),
          ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
        }),
      );
      unit.execution.error = errorInfo(error);
    });
  }
}
