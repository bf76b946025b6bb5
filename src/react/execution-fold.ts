import { isExecutionEnd } from "../client/server-event.ts";
import type { DurableEvent, DurableEventData, LiveEventData } from "../protocol/events.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import type { CallView, DecisionView, Entry, ExecutionView, ExecutionViewStatus } from "./timeline.ts";

type EventOf<Type extends DurableEvent["type"]> = Extract<DurableEvent, { type: Type }>;

/** The events of one execution as a timeline: a call is one entry, however many events tell of it. */
export class ExecutionFold {
  readonly #start: EventOf<"execution_started">;
  #entries: Entry[] = [];
  #costMicros = 0n;
  #end: DurableEvent | undefined;
  #hasBegun: boolean;
  readonly #depths = new Map<string, number>();
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
      entries: this.#entries.slice(),
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
        return this.#add({ ...this.#base(event, toolId), kind: "call", call });
      }
      case "approval_required":
        return this.#changeCall(event.data.tool_id, { status: "waiting", approval: event.data });
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
        this.#dropLive(undefined, event.data.subagent_id);
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
    const index = this.#entries.findLastIndex((entry) => entry.key === message_id);
    const known = this.#entries[index];
    if (known?.kind === "thought") this.#entries[index] = { ...known, text: known.text + delta };
    else this.#add({ ...this.#baseOf(message_id, 0, at, subagent_id), kind: "thought", text: delta, isLive: true });
  }

  /** Forgets half-written text: after a reconnect the rest of it would be missing. */
  dropLiveText(): void {
    const kept = this.#entries.filter((entry) => entry.kind !== "thought" || !entry.isLive);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.#view = undefined;
  }

  #think(event: EventOf<"thinking">): void {
    const { message_id, subagent_id, step, total_steps: totalSteps, thought_process: text } = event.data;
    if (message_id !== undefined) this.#dropLive(message_id, subagent_id);
    if (text === undefined) {
      const steps = totalSteps === undefined ? { step } : { step, totalSteps };
      this.#add({ ...this.#base(event), kind: "thinking", ...steps });
    } else if (text !== "") {
      this.#add({ ...this.#base(event, message_id), kind: "thought", text, isLive: false });
    }
  }

  #plan(event: EventOf<"plan">): void {
    const { subagent_id, steps } = event.data;
    const index = this.#entries.findLastIndex((entry) => entry.kind === "plan" && entry.subagentId === subagent_id);
    const known = this.#entries[index];
    if (known?.kind === "plan") this.#entries[index] = { ...known, steps };
    else this.#add({ ...this.#base(event), kind: "plan", steps });
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
    const parent = this.#entries.find((entry) => entry.kind === "call" && entry.call.toolId === tool_id);
    this.#depths.set(subagent_id, (parent?.depth ?? 0) + 1);
    this.#add({ ...this.#base(event), kind: "subagent", subagentType, task });
  }

  #close(event: EventOf<"complete" | "cancelled" | "error">): void {
    if (isExecutionEnd(event)) {
      this.#end = event;
      this.dropLiveText();
      this.#entries = this.#entries.filter((entry) => entry.kind !== "thinking");
      for (const entry of this.#entries) {
        const isOpen = entry.kind === "call" && (entry.call.status === "running" || entry.call.status === "waiting");
        if (isOpen) this.#changeCall(entry.call.toolId, { status: "refused" });
      }
    }
    const base = this.#base(event);
    if (event.type === "complete") return this.#add({ ...base, kind: "complete", data: event.data });
    if (event.type === "cancelled") return this.#add({ ...base, kind: "cancelled", data: event.data });
    return this.#add({ ...base, kind: "error", data: event.data });
  }

  #status(): ExecutionViewStatus {
    if (this.#end?.type === "complete") return this.#end.data.success ? "completed" : "failed";
    if (this.#end !== undefined) return this.#end.type === "cancelled" ? "cancelled" : "failed";
    const calls = this.#entries.flatMap((entry) => (entry.kind === "call" ? [entry.call.status] : []));
    const isIdle = !calls.includes("running") && this.#entries.every((entry) => entry.kind !== "thinking");
    if (calls.includes("waiting") && isIdle) return "waiting";
    return this.#hasBegun ? "running" : "queued";
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
  }

  #changeCall(toolId: string, change: Partial<CallView>): void {
    const index = this.#entries.findLastIndex((entry) => entry.kind === "call" && entry.call.toolId === toolId);
    const entry = this.#entries[index];
    if (entry?.kind === "call") this.#entries[index] = { ...entry, call: { ...entry.call, ...change } };
  }

  /** "Thinking" is shown only until the agent does something. */
  #dropThinking(subagentId: string | undefined): void {
    const index = this.#entries.findLastIndex((entry) => entry.kind === "thinking" && entry.subagentId === subagentId);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  /** Drops the live text of one message, or of all of an agent's. */
  #dropLive(messageId: string | undefined, subagentId: string | undefined): void {
    this.#entries = this.#entries.filter(
      (entry) =>
        entry.kind !== "thought" ||
        !entry.isLive ||
        (messageId === undefined ? entry.subagentId !== subagentId : entry.key !== messageId),
    );
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

/** Failures of calls that never ran. */
const refusals: ReadonlySet<string> = new Set(["rejected", "approval_expired", "policy_denied", "budget_exceeded"]);
