import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import type { InFlight, PlanStep } from "../protocol/events.ts";
import { usdMicros } from "../protocol/money.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { Unit } from "../store/unit.ts";
import { admit } from "./admit.ts";
import type { AgentModel, ModelMessage, ModelReply, ModelRequest, RespondOptions } from "./agent-model.ts";
import { grantFor, performCall } from "./call.ts";
import { unlessAllowed } from "./call-run.ts";
import { checkArgs, toolNamed } from "./checked-call.ts";
import { isoTime } from "./clock.ts";
import { agentMessages, sessionMemory } from "./conversation.ts";
import { errorInfo } from "./error-info.ts";
import { type AgentState, type CallState, openCalls } from "./fold.ts";
import { rootInstructions } from "./instructions.ts";
import { releaseLease } from "./lease.ts";
import type { RunMeter } from "./model-meter.ts";
import { currentStep, followPlan, type NextReply } from "./plan.ts";
import type { RunLog } from "./run-log.ts";
import type { RunParts } from "./run-parts.ts";
import { unlessAborted } from "./stop.ts";
import { hasStepsLeft, ofAgent, type Telling, tellEnd, tellResult, tellThinking } from "./tell.ts";
import type { Tool } from "./tool.ts";
import { toolSpecs } from "./tool-specs.ts";
import { tracedChat } from "./traced.ts";

/** How far an agent got: to its end, or to where a human must decide; `parked` says that this is committed. */
export type AgentEnd = "ended" | "waiting" | "parked";

interface LoopOptions {
  readonly parts: RunParts;
  readonly log: RunLog;
  readonly execution: ExecutionRow;
  readonly config: SessionConfig;
  /** Aborted with the reason when the run stops; an error anywhere in the loop aborts it too. */
  readonly abort: AbortController;
  /** Undefined where the model costs nothing. */
  readonly meter: RunMeter | undefined;
  /** Kept up to date with what a cancellation at any moment would have to say of each call under way. */
  readonly inFlight: Map<string, InFlight["outcome"]>;
}

/**
 * The turns of an execution's agents: let the model decide, carry out what it asks for, until it is done or
 * only humans can go on. All state is the log's fold; the loop itself can be dropped at any point.
 */
export class AgentLoop {
  readonly #parts: RunParts;
  readonly #log: RunLog;
  readonly #execution: ExecutionRow;
  readonly #config: SessionConfig;
  readonly #abort: AbortController;
  readonly #model: AgentModel;
  readonly #meter: RunMeter | undefined;
  readonly #telling: Telling;
  readonly #inFlight: Map<string, InFlight["outcome"]>;
  #memory: Promise<ModelMessage[]> | undefined;
  /** One call with an effect at a time, over all agents of the execution. */
  #effects: Promise<unknown> = Promise.resolve();

  constructor({ parts, log, execution, config, abort, meter, inFlight }: LoopOptions) {
    this.#parts = parts;
    this.#log = log;
    this.#execution = execution;
    this.#config = config;
    this.#abort = abort;
    this.#meter = meter;
    this.#inFlight = inFlight;
    this.#model = parts.modelFor(config);
    this.#telling = { fold: log.fold, config };
  }

  /** Takes an agent as far as it goes without a human. */
  async advance(agent: AgentState): Promise<AgentEnd> {
    const running = new Map<string, Promise<void>>();
    // A subagent that waits is looked at again only when its log has grown.
    const waitingSince = new Map<string, number>();
    try {
      for (;;) {
        this.#abort.signal.throwIfAborted();
        await this.#log.read();
        for (const call of openCalls(agent)) {
          const { toolId } = call;
          const isWaiting = call.request?.status === "pending" || waitingSince.get(toolId) === this.#log.fold.lastSeq;
          if (running.has(toolId) || isWaiting) continue;
          // What is read while the call is attended to is news for it: a decision may come before the answer to
          // the commit that asks for it.
          const { lastSeq } = this.#log.fold;
          const attended = this.#attend(agent, call).then((end) => {
            if (end === "waiting") waitingSince.set(toolId, lastSeq);
            running.delete(toolId);
          });
          // It may fail while the loop reads, which hears of it only then.
          attended.catch(() => undefined);
          running.set(toolId, attended);
        }
        if (this.#log.hasUnread) continue;
        if (running.size > 0) {
          await Promise.race([...running.values(), this.#log.news]);
          continue;
        }
        if (openCalls(agent).length > 0) return "waiting";
        const end = await this.#think(agent);
        if (end !== "going on") return end;
      }
    } catch (error) {
      this.#abort.abort(error);
      await Promise.allSettled(running.values());
      throw error;
    }
  }

  /** Carries one open call as far as it goes. */
  async #attend(agent: AgentState, call: CallState): Promise<"done" | "waiting"> {
    if (this.#parts.tools.get(call.name)?.effect === "delegate") return this.#delegate(agent, call);
    const { sessionId, executionId } = this.#log.claim;
    const startedAt = this.#parts.clock.now();
    const outcome = await performCall(
      {
        ...this.#parts,
        signal: this.#abort.signal,
        sessionId,
        executionId,
        config: this.#config,
        tools: this.#toolsOf(agent),
        subagentId: agent.subagentId,
        stepCapMicros: this.#stepCap(agent, undefined),
        commit: (work) => this.#log.commit(work),
        confirm: () => this.#log.confirm(),
        withEffect: (work) => this.#withEffect(work),
        mark: (outcome) => void this.#inFlight.set(call.toolId, outcome),
      },
      call,
    );
    if (outcome === "waiting") return "waiting";
    await this.#log.commit((unit) => tellResult(unit, this.#telling, { agent, call }, outcome, startedAt));
    this.#inFlight.delete(call.toolId);
    if (outcome.isFatal === true && outcome.error !== undefined) throw outcome.error;
    return "done";
  }

  #withEffect<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#effects.then(() => {
      this.#abort.signal.throwIfAborted();
      return work();
    });
    this.#effects = done.catch(() => undefined);
    return done;
  }

  async #delegate(agent: AgentState, call: CallState): Promise<"done" | "waiting"> {
    if (this.#subagentOf(call) === undefined) {
      const instead = await this.#startSubagent(agent, call);
      if (instead === "waiting") return "waiting";
      if (instead !== undefined) {
        await this.#log.commit((unit) => tellResult(unit, this.#telling, { agent, call }, { error: instead }));
        return "done";
      }
    }
    this.#inFlight.set(call.toolId, "aborted");
    const subagent = this.#subagentOf(call);
    if (subagent === undefined) throw new Error(`The subagent of call ${call.toolId} did not start.`);
    return (await this.advance(subagent)) === "ended" ? "done" : "waiting";
  }

  #subagentOf(call: CallState): AgentState | undefined {
    return [...this.#log.fold.agents.values()].find(({ startedBy }) => startedBy === call.toolId);
  }

  /** Starts the subagent that a `delegate` call names, asks whether it may, or says why not. */
  async #startSubagent(agent: AgentState, call: CallState): Promise<PaygentError | "waiting" | undefined> {
    const { toolId } = call;
    const { subagentId } = agent;
    try {
      const tool = toolNamed(this.#toolsOf(agent), call.name);
      const grant = await grantFor(this.#parts.store, this.#log.claim.executionId, call);
      const args = grant?.args ?? checkArgs(tool, call.args);
      const admission = await this.#log.commit(async (unit) => {
        const admitted =
          grant === undefined ? await admit(unit, { toolId, tool, args, subagentId }) : { kind: "allowed" as const };
        if (admitted.kind !== "allowed") return admitted;
        // The schema of a tool with this effect has these two.
        const { agent: type, task } = args as { agent: string; task: string };
        const about = { subagent_id: randomUUID(), subagent_type: type, task };
        unit.append("subagent_start", { ...about, parent_agent: agent.type, tool_id: toolId });
        return admitted;
      });
      return unlessAllowed(admission);
    } catch (error) {
      if (error instanceof PaygentError && error.code !== "unavailable") return error;
      throw error;
    }
  }

  /** Lets the agent's model decide what comes next, and writes down what it said. */
  async #think(agent: AgentState): Promise<"going on" | "ended" | "parked"> {
    if (!agent.isThinking) {
      if (!hasStepsLeft(this.#telling)) throw tooManySteps(this.#config.max_steps);
      await this.#log.commit(async (unit) => tellThinking(unit, agent));
    }
    const messageId = randomUUID();
    const { reply, isEnd } = await this.#respond(agent, messageId);
    this.#abort.signal.throwIfAborted();

    const { hasParked, fatal } = await this.#commitReply(async (unit, overrun) => {
      if (overrun !== undefined) return { hasParked: false, fatal: overrun };
      if (!isEnd) return this.#tellReply(unit, agent, reply, messageId);
      await tellEnd(unit, this.#telling, agent, reply, messageId);
      return { hasParked: false, fatal: undefined };
    });
    if (fatal !== undefined) throw fatal;
    if (isEnd) return "ended";
    return hasParked ? "parked" : "going on";
  }

  #commitReply<T>(work: (unit: Unit, overrun: PaygentError | undefined) => Promise<T>): Promise<T> {
    return this.#meter?.commit(work) ?? this.#log.commit((unit) => work(unit, undefined));
  }

  async #respond(agent: AgentState, messageId: string): Promise<NextReply> {
    const isRoot = agent.subagentId === undefined;
    const subagent = isRoot ? undefined : this.#parts.subagents.get(agent.type);
    const { signal } = this.#abort;
    const ask = (task: string, calls: readonly CallState[], history: readonly ModelMessage[]) => {
      const request = {
        instructions: subagent?.instructions ?? rootInstructions,
        messages: [...history, ...agentMessages(task, agent, calls)],
        tools: toolSpecs(this.#toolsOf(agent)),
      };
      const onText = (delta: string) => this.#sayDelta(agent, messageId, delta);
      return tracedChat(this.#model.name, () => this.#ask(request, { signal, onText }));
    };
    const { plan } = this.#execution;
    if (isRoot && plan !== undefined) {
      return followPlan(plan, this.#log.fold, (step) => ask(step.input.title, step.calls, []));
    }
    const reply = await ask(agent.task, agent.calls, isRoot ? await this.#history() : []);
    // A model that only states its plan has more to come.
    return { reply, isEnd: reply.calls.length === 0 && (reply.plan === undefined || reply.text !== "") };
  }

  async #ask(request: ModelRequest, options: Omit<RespondOptions, "meter">): Promise<ModelReply> {
    const meter = this.#meter;
    const before = meter?.begun;
    const reply = await unlessAborted(this.#model.respond(request, { ...options, meter }), options.signal);
    if (meter !== undefined && meter.begun === before) throw notMetered(this.#model.name);
    return reply;
  }

  #history(): Promise<ModelMessage[]> {
    if (this.#model.ignoresHistory === true) return Promise.resolve([]);
    this.#memory ??= sessionMemory(this.#parts.store.db, this.#log.claim.sessionId, this.#log.fold.firstSeq);
    return this.#memory;
  }

  #sayDelta(agent: AgentState, messageId: string, delta: string): void {
    if (this.#abort.signal.aborted) return;
    const { sessionId, executionId } = this.#log.claim;
    const about = { session_id: sessionId, execution_id: executionId, ...ofAgent(agent) };
    const data = { ...about, message_id: messageId, delta };
    const timestamp = isoTime(this.#parts.clock.now());
    this.#parts.bus.publishDelta(sessionId, JSON.stringify({ type: "text_delta", data, timestamp }));
  }

  /** Writes the calls that a model asked for, and decides at once on those that need no quote. */
  async #tellReply(
    unit: Unit,
    agent: AgentState,
    reply: ModelReply,
    messageId: string,
  ): Promise<{ hasParked: boolean; fatal: PaygentError | undefined }> {
    const by = ofAgent(agent);
    const { step } = agent;
    if (reply.text !== "") {
      const said = { thought_process: reply.text, message_id: messageId };
      unit.append("thinking", { ...by, command: agent.task, step, ...said });
    }
    if (reply.plan !== undefined) unit.append("plan", { ...by, steps: [...reply.plan] });
    let asked = 0;
    let fatal: PaygentError | undefined;
    for (const { name, args } of reply.calls) {
      const call = { toolId: randomUUID(), name, args };
      const about = { ...by, tool_id: call.toolId, tool_name: name };
      unit.append("tool_call", { ...about, step, tool_args: args ?? {} });
      const admission = await this.#admitAtOnce(unit, agent, call, reply.plan);
      if (admission === "asked") asked += 1;
      if (admission instanceof PaygentError) {
        const error = errorInfo(admission);
        unit.append("tool_result", { ...about, result: null, success: false, error, duration_ms: 0 });
        if (admission.code === "budget_exceeded") fatal ??= admission;
      }
    }
    const hasParked = agent.subagentId === undefined && asked > 0 && asked === reply.calls.length;
    if (hasParked) {
      unit.tellBudget();
      releaseLease(unit);
      unit.execution.status = "waiting";
    }
    return { hasParked, fatal };
  }

  async #admitAtOnce(
    unit: Unit,
    agent: AgentState,
    call: { toolId: string; name: string; args: Readonly<Record<string, unknown>> | undefined },
    plan: readonly PlanStep[] | undefined,
  ): Promise<"later" | "asked" | PaygentError> {
    try {
      const tool = toolNamed(this.#toolsOf(agent), call.name);
      if (call.args === undefined) {
        throw new PaygentError("invalid_arguments", `The arguments of ${call.name} are no JSON object.`);
      }
      const args = checkArgs(tool, call.args);
      if (tool.effect === "payment" || tool.effect === "delegate") return "later";
      const stepCapMicros = this.#stepCap(agent, plan);
      const { toolId } = call;
      const admission = await admit(unit, { toolId, tool, args, subagentId: agent.subagentId, stepCapMicros });
      if (admission.kind === "refused") return admission.error;
      return admission.kind === "asked" ? "asked" : "later";
    } catch (error) {
      if (error instanceof PaygentError) return error;
      throw error;
    }
  }

  /** What a client's plan lets the step cost that `agent` works on; `stated` is what a root agent's reply makes of the plan. */
  #stepCap(agent: AgentState, stated: readonly PlanStep[] | undefined): bigint | undefined {
    const { plan } = this.#execution;
    if (plan === undefined) return undefined;
    const isRoot = agent.subagentId === undefined;
    const stepAt = isRoot ? stated?.findIndex((step) => step.status === "in_progress") : undefined;
    const input = plan[stepAt ?? -1] ?? currentStep(plan, this.#log.fold)?.input;
    return input?.max_cost_usd === undefined ? undefined : usdMicros(input.max_cost_usd);
  }

  #toolsOf(agent: AgentState): ReadonlyMap<string, Tool> {
    const { tools, subagents } = this.#parts;
    if (agent.subagentId === undefined) return tools;
    const allowed = subagents.get(agent.type)?.tools ?? [];
    return new Map([...tools].filter(([name]) => allowed.includes(name)));
  }
}

function tooManySteps(limit: number): PaygentError {
  return new PaygentError(
    "quota_exceeded",
    `The execution took its limit of ${limit} steps. Raise max_steps in the session's config or ask for less.`,
  );
}

function notMetered(name: string): PaygentError {
  return new PaygentError(
    "model_failed",
    `The model ${name} has a price but answered without saying what it asks. It must await meter.begin() before each request, or be taken off PAYGENT_MODEL_PRICES.`,
    { details: { model: name } },
  );
}
