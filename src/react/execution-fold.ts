import { isExecutionEnd } from "../client/server-event.ts";
import type { DurableEvent, DurableEventData, LiveEventData } from "../protocol/events.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import type { CallView, DecisionView, Entry, ExecutionView, ExecutionViewStatus } from "./timeline.ts";

type EventOf<Type extends DurableEvent["type"]> = Extract<DurableEvent, { type: Type }>;

/**
 * The events of one execution as a timeline: a call is one entry, however many events tell of it. An event costs
 * the same after ten thousand others, so entries are found by what they are of and never searched.
 */
export class ExecutionFold {
  readonly #start: EventOf<"execution_started">;
  readonly #entries: Entry[] = [];
  /** What gives way to something else, by what it is of: "thinking", and text while it is written. It stands last. */
  readonly #passing = new Map<string, Entry>();
  readonly #callPlaces = new Map<string, number>();
  /** By the subagent whose plan it is; the agent's own stands under undefined. */
  readonly #planPlaces = new Map<string | undefined, number>();
  readonly #openCalls = new Map<string, "running" | "waiting">();
  readonly #depths = new Map<string, number>();
  /** Messages whose text was lost in part; what still comes of them is shown as a rest. */
  readonly #cutMessages = new Set<string>();
  #costMicros = 0n;
  #end: DurableEvent | undefined;
  #hasBegun: boolean;
  #view: ExecutionView | undefined;

  constructor(start: EventOf<"execution_started">) {
    this.#start = start;
    this.#hasBegun = !start.data.queued;
  }

  /** The same object until another event changes it. */
  get view(): ExecutionView {
    this.#view ??= {
      executionId: this.#start.data.execution_id,
      command: this.#start.data.command,
      by: this.#start.data.by,
      status: this.#status(),
      startedAt: this.#start.timestamp,
      ...(this.#end === undefined ? {} : { endedAt: this.#end.timestamp }),
      costUsd: formatUsd(this.#costMicros),
      entries: [...this.#entries, ...this.#passing.values()],
    };
    return this.#view;
  }

  apply(event: DurableEvent): void {
    this.#view = undefined;
    if (event.type === "execution_started" || event.type === "budget") return;
    this.#hasBegun = true;
    this.#dropThinking("subagent_id" in event.data ? event.data.subagent_id : undefined);
    switch (event.type) {
      case "thinking":
        return this.#think(event);
      case "plan":
        return this.#plan(event);
      case "tool_call": {
        const { tool_id: toolId, tool_name: toolName, tool_args: args } = event.data;
        const call: CallView = { toolId, toolName, args, status: "running", calledAt: event.timestamp };
        this.#callPlaces.set(toolId, this.#entries.length);
        this.#openCalls.set(toolId, "running");
        return this.#add({ ...this.#base(event, toolId), kind: "call", call });
      }
      case "approval_required":
        return this.#changeCall(event.data.tool_id, { status: "waiting", approval: event.data });
      case "approval_vote":
        return this.#vote(event);
      case "approved":
      case "rejected":
      case "edit_approved":
        return this.#decide(event);
      case "approval_expired":
        return this.#changeCall(event.data.tool_id, {
          status: "refused",
          decision: { decision: "expired", decidedAt: event.timestamp },
        });
      case "tool_result":
        return this.#result(event);
      case "subagent_start":
        return this.#startSubagent(event);
      case "subagent_end": {
        const { result: text, success, duration_ms: durationMs, error } = event.data;
        this.#dropTextOf(event.data.subagent_id);
        const end = { text, success, durationMs, ...(error === undefined ? {} : { error }) };
        return this.#add({ ...this.#base(event), kind: "subagent_end", ...end });
      }
      case "complete":
      case "cancelled":
      case "error":
        return this.#close(event);
    }
  }

  /** Text that is being written; it gives way to the durable event that holds the whole of it. */
  applyDelta({ message_id, subagent_id, delta }: LiveEventData["text_delta"], at: string): void {
    if (this.#end !== undefined) return;
    this.#view = undefined;
    this.#dropThinking(subagent_id);
    const known = this.#passing.get(message_id);
    this.#passing.set(
      message_id,
      known?.kind === "thought"
        ? { ...known, text: known.text + delta }
        : {
            ...this.#baseOf(message_id, 0, at, subagent_id),
            kind: "thought",
            text: this.#cutMessages.has(message_id) ? `… ${delta}` : delta,
            isLive: true,
          },
    );
  }

  /** Forgets half-written text: after a reconnect the rest of it would be missing. */
  dropLiveText(): void {
    for (const [key, { kind }] of this.#passing) {
      if (kind !== "thought") continue;
      this.#passing.delete(key);
      this.#cutMessages.add(key);
      this.#view = undefined;
    }
  }

  #think(event: EventOf<"thinking">): void {
    const { message_id, subagent_id, step, total_steps: totalSteps, thought_process: text } = event.data;
    if (message_id !== undefined) this.#passing.delete(message_id);
    if (text === undefined) {
      const steps = totalSteps === undefined ? { step } : { step, totalSteps };
      this.#passing.set(thinkingOf(subagent_id), { ...this.#base(event), kind: "thinking", ...steps });
    } else if (text !== "") {
      this.#add({ ...this.#base(event, message_id), kind: "thought", text, isLive: false });
    }
  }

  #plan(event: EventOf<"plan">): void {
    const { subagent_id, steps } = event.data;
    const place = this.#planPlaces.get(subagent_id);
    const known = place === undefined ? undefined : this.#entries[place];
    if (place !== undefined && known?.kind === "plan") {
      this.#entries[place] = { ...known, steps };
      return;
    }
    this.#planPlaces.set(subagent_id, this.#entries.length);
    this.#add({ ...this.#base(event), kind: "plan", steps });
  }

  #vote({ data, timestamp: at }: EventOf<"approval_vote">): void {
    const { by, reason, approvals, approvals_needed: needed, tool_id } = data;
    const vote = { by, at, approvals, needed, ...(reason === undefined ? {} : { reason }) };
    this.#changeCall(tool_id, { votes: [...(this.#callOf(tool_id)?.votes ?? []), vote] });
  }

  #decide(event: EventOf<"approved" | "rejected" | "edit_approved">): void {
    const { decision, decided_by: decidedBy, reason, edited_args: editedArgs, tool_id } = event.data;
    const view: DecisionView = {
      decision,
      decidedBy,
      decidedAt: event.timestamp,
      ...(reason === undefined ? {} : { reason }),
      ...(editedArgs === undefined ? {} : { editedArgs }),
    };
    this.#changeCall(tool_id, { status: decision === "rejected" ? "refused" : "running", decision: view });
  }

  #result(event: EventOf<"tool_result">): void {
    const { tool_id, result, success, error, cost, duration_ms: durationMs } = event.data;
    if (cost !== undefined) this.#costMicros += usdMicros(cost.usd);
    const isRefused = error !== undefined && refusals.has(error.code);
    this.#changeCall(tool_id, {
      status: success ? "succeeded" : isRefused ? "refused" : "failed",
      result,
      durationMs,
      ...(error === undefined ? {} : { error }),
      ...(cost === undefined ? {} : { cost }),
    });
  }

  #startSubagent(event: EventOf<"subagent_start">): void {
    const { subagent_id, tool_id, subagent_type: subagentType, task } = event.data;
    const parent = this.#entries[this.#callPlaces.get(tool_id) ?? -1];
    this.#depths.set(subagent_id, (parent?.depth ?? 0) + 1);
    this.#add({ ...this.#base(event), kind: "subagent", subagentType, task });
  }

  #close(event: EventOf<"complete" | "cancelled" | "error">): void {
    if (isExecutionEnd(event)) {
      this.#end = event;
      this.#passing.clear();
      for (const toolId of this.#openCalls.keys()) this.#changeCall(toolId, { status: "refused" });
    }
    const base = this.#base(event);
    if (event.type === "complete") return this.#add({ ...base, kind: "complete", data: event.data });
    if (event.type === "cancelled") return this.#add({ ...base, kind: "cancelled", data: event.data });
    return this.#add({ ...base, kind: "error", data: event.data });
  }

  #status(): ExecutionViewStatus {
    if (this.#end?.type === "complete") return this.#end.data.success ? "completed" : "failed";
    if (this.#end !== undefined) return this.#end.type === "cancelled" ? "cancelled" : "failed";
    const calls = [...this.#openCalls.values()];
    const isIdle = !calls.includes("running") && [...this.#passing.values()].every(({ kind }) => kind !== "thinking");
    if (calls.includes("waiting") && isIdle) return "waiting";
    return this.#hasBegun ? "running" : "queued";
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
  }

  #callOf(toolId: string): CallView | undefined {
    const entry = this.#entries[this.#callPlaces.get(toolId) ?? -1];
    return entry?.kind === "call" ? entry.call : undefined;
  }

  #changeCall(toolId: string, change: Partial<CallView>): void {
    const place = this.#callPlaces.get(toolId) ?? -1;
    const entry = this.#entries[place];
    if (entry?.kind !== "call") return;
    const call = { ...entry.call, ...change };
    this.#entries[place] = { ...entry, call };
    if (call.status === "running" || call.status === "waiting") this.#openCalls.set(toolId, call.status);
    else this.#openCalls.delete(toolId);
  }

  /** "Thinking" is shown only until the agent does something. */
  #dropThinking(subagentId: string | undefined): void {
    this.#passing.delete(thinkingOf(subagentId));
  }

  /** Drops the live text of a subagent that has ended. */
  #dropTextOf(subagentId: string): void {
    for (const [key, entry] of this.#passing) if (entry.subagentId === subagentId) this.#passing.delete(key);
  }

  #base(event: DurableEvent, key = `${event.seq}`) {
    const { subagent_id } = event.data as DurableEventData["thinking"]; // Every event of an execution may carry one.
    return this.#baseOf(key, event.seq, event.timestamp, subagent_id);
  }

  #baseOf(key: string, seq: number, at: string, subagentId: string | undefined) {
    const depth = subagentId === undefined ? 0 : (this.#depths.get(subagentId) ?? 1);
    return { key, seq, at, depth, ...(subagentId === undefined ? {} : { subagentId }) };
  }
}

function thinkingOf(subagentId: string | undefined): string {
  return `thinking ${subagentId ?? ""}`;
}

/** Failures of calls that never ran. */
const refusals: ReadonlySet<string> = new Set(["rejected", "approval_expired", "policy_denied", "budget_exceeded"]);
