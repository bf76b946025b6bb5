import type { ApprovalRequired, Cost, DurableEventData, ErrorInfo, PlanStep } from "../protocol/events.ts";

/** Where a tool call stands. `waiting` is for a human; a call that was `refused` never ran. */
export type CallStatus = "running" | "waiting" | "succeeded" | "failed" | "refused";

/** What a human, or the clock, made of an approval request. */
export interface DecisionView {
  readonly decision: "approved" | "rejected" | "edited" | "expired";
  readonly decidedBy?: string;
  readonly decidedAt: string;
  readonly reason?: string;
  readonly editedArgs?: Readonly<Record<string, unknown>>;
}

/** One person's approval of a call that needs several. */
export interface VoteView {
  readonly by: string;
  readonly at: string;
  readonly reason?: string;
  /** How many have approved, this one included, and how many must. */
  readonly approvals: number;
  readonly needed: number;
}

/** A tool call with all that is known of it so far. */
export interface CallView {
  readonly toolId: string;
  readonly toolName: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly status: CallStatus;
  readonly calledAt: string;
  readonly approval?: ApprovalRequired;
  readonly votes?: readonly VoteView[];
  readonly decision?: DecisionView;
  readonly result?: unknown;
  readonly error?: ErrorInfo;
  readonly cost?: Cost;
  readonly durationMs?: number;
}

interface EntryBase {
  /** Stays the same while the entry changes. */
  readonly key: string;
  /** The durable event that began it; 0 for text that is still being written. */
  readonly seq: number;
  readonly at: string;
  /** The subagent whose entry it is; none for the agent itself. */
  readonly subagentId?: string;
  /** How many agents stand above the one whose entry it is. */
  readonly depth: number;
}

/** One line of an execution's timeline. */
export type Entry = EntryBase &
  (
    | { readonly kind: "thinking"; readonly step: number; readonly totalSteps?: number }
    | { readonly kind: "thought"; readonly text: string; readonly isLive: boolean }
    | { readonly kind: "plan"; readonly steps: readonly PlanStep[] }
    | { readonly kind: "call"; readonly call: CallView }
    | { readonly kind: "subagent"; readonly subagentType: string; readonly task: string }
    | {
        readonly kind: "subagent_end";
        readonly text: string;
        readonly success: boolean;
        readonly durationMs: number;
        readonly error?: ErrorInfo;
      }
    | { readonly kind: "complete"; readonly data: DurableEventData["complete"] }
    | { readonly kind: "cancelled"; readonly data: DurableEventData["cancelled"] }
    | { readonly kind: "error"; readonly data: DurableEventData["error"] }
  );

/** How far an execution got; the last three are ends. */
export type ExecutionViewStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";

/** One command being worked on, as its events tell it. */
export interface ExecutionView {
  readonly executionId: string;
  readonly command: string;
  readonly by: string;
  readonly status: ExecutionViewStatus;
  readonly startedAt: string;
  readonly endedAt?: string;
  /** What its calls have cost so far, in USD. */
  readonly costUsd: string;
  readonly entries: readonly Entry[];
}
