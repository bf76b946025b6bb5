import * as z from "zod";
import { ErrorCode } from "./errors.ts";
import { Freeze, FreezeScope } from "./freeze.ts";
import { Id } from "./ids.ts";
import { PlanInput } from "./messages.ts";
import { Decimal } from "./money.ts";
import { subprotocol } from "./websocket.ts";

const Timestamp = z.iso.datetime();
const Args = z.record(z.string(), z.unknown());

/** What a budget stands at, in USD. */
export const Budget = z.object({ limit: Decimal, spent: Decimal, reserved: Decimal, remaining: Decimal });
export type Budget = z.infer<typeof Budget>;

/** What a tool call cost. `usd` is what it took from the budgets. */
export const Cost = z.object({
  amount: Decimal,
  currency: z.string(),
  usd: Decimal,
  tx_hash: z.string().optional(),
  payment_id: Id.optional(),
});
export type Cost = z.infer<typeof Cost>;

/** A step of the plan that the agent states; each `plan` event replaces the one before. */
export const PlanStep = z.object({ title: z.string(), status: z.enum(["pending", "in_progress", "done", "skipped"]) });
export type PlanStep = z.infer<typeof PlanStep>;

/** What went wrong, in a sentence that is safe to show. */
export const ErrorInfo = z.object({
  code: ErrorCode,
  message: z.string(),
  /** By code; of a call that policy refused, `rule` names the setting. */
  details: z.record(z.string(), z.unknown()).optional(),
});
export type ErrorInfo = z.infer<typeof ErrorInfo>;

/** What a human made of an approval request. */
export const Decision = z.enum(["approved", "rejected", "edited"]);
export type Decision = z.infer<typeof Decision>;

const ofSession = { session_id: Id };
const ofExecution = { session_id: Id, execution_id: Id, subagent_id: Id.optional() };

/** What the session's owner has paid a payee before. */
export const PayeeHistory = z.object({ payments: z.int(), total_usd: Decimal, last_paid_at: Timestamp });
export type PayeeHistory = z.infer<typeof PayeeHistory>;

/** What a service says of itself: shown as its words, never believed. */
export const Untrusted = z.object({ description: z.string().optional() });
export type Untrusted = z.infer<typeof Untrusted>;

/** Everything a person needs to decide; also what `connected` lists as pending. */
export const ApprovalRequired = z.object({
  ...ofExecution,
  request_id: Id,
  tool_id: Id,
  tool_name: z.string(),
  tool_args: Args,
  reason: z.string(),
  rule: z.string(),
  policy_version: z.int(),
  /** How many people must approve; absent where one decision is enough, whoever of the approvers makes it. */
  approvals_needed: z.int().optional(),
  amount: Decimal,
  currency: z.string(),
  fee: Decimal,
  estimated_cost: Decimal,
  payee: z.string().optional(),
  payee_address: z.string().optional(),
  payee_paid_before: z.boolean().optional(),
  payee_history: PayeeHistory.optional(),
  network: z.string().optional(),
  asset: z.string().optional(),
  resource: z.string().optional(),
  quote_expires_at: Timestamp.optional(),
  untrusted: Untrusted.optional(),
  expires_at: Timestamp,
  budget: z.object({
    limit: Decimal,
    spent: Decimal,
    reserved: Decimal,
    remaining_before: Decimal,
    remaining_after: Decimal,
  }),
});
export type ApprovalRequired = z.infer<typeof ApprovalRequired>;

const decided = z.object({
  ...ofExecution,
  request_id: Id,
  tool_id: Id,
  decision: Decision,
  decided_by: z.string(),
  reason: z.string().optional(),
  edited_args: Args.optional(),
});

const freeze = z.object({
  ...ofSession,
  scope: FreezeScope,
  frozen: z.boolean(),
  by: z.string(),
  reason: z.string().optional(),
});

/** What became of a call that was under way when its execution was cancelled. */
export const InFlight = z.object({
  tool_id: Id,
  outcome: z.enum(["not_started", "aborted", "completed_anyway", "unknown"]),
});
export type InFlight = z.infer<typeof InFlight>;

export const ToolCallSummary = z.object({
  tool_id: Id,
  tool_name: z.string(),
  success: z.boolean(),
  cost: Cost.optional(),
});

/** The data of every durable event, by its type. */
export const durableEvents = {
  execution_started: z.object({
    ...ofExecution,
    command: z.string(),
    plan: z.array(PlanInput).optional(),
    budget_limit_usd: Decimal.nullable(),
    queued: z.boolean(),
    by: z.string(),
  }),
  thinking: z.object({
    ...ofExecution,
    command: z.string(),
    step: z.int(),
    total_steps: z.int().optional(),
    thought_process: z.string().optional(),
    message_id: Id.optional(),
  }),
  plan: z.object({ ...ofExecution, steps: z.array(PlanStep) }),
  tool_call: z.object({ ...ofExecution, step: z.int(), tool_id: Id, tool_name: z.string(), tool_args: Args }),
  approval_required: ApprovalRequired,
  approval_vote: z.object({
    ...ofExecution,
    request_id: Id,
    tool_id: Id,
    by: z.string(),
    reason: z.string().optional(),
    approvals: z.int(),
    approvals_needed: z.int(),
  }),
  approved: decided,
  rejected: decided,
  edit_approved: decided,
  approval_expired: z.object({ ...ofExecution, request_id: Id, tool_id: Id }),
  tool_result: z.object({
    ...ofExecution,
    tool_id: Id,
    tool_name: z.string(),
    result: z.unknown(),
    success: z.boolean(),
    error: ErrorInfo.optional(),
    duration_ms: z.int(),
    cost: Cost.optional(),
  }),
  freeze,
  budget: z.object({ ...ofSession, execution_id: Id.optional(), ...Budget.shape }),
  subagent_start: z.object({
    ...ofExecution,
    subagent_id: Id,
    subagent_type: z.string(),
    task: z.string(),
    parent_agent: z.string(),
    tool_id: Id,
  }),
  subagent_end: z.object({
    ...ofExecution,
    subagent_id: Id,
    result: z.string(),
    success: z.boolean(),
    duration_ms: z.int(),
    error: ErrorInfo.optional(),
  }),
  complete: z.object({
    ...ofExecution,
    result: z.looseObject({ text: z.string() }),
    success: z.boolean(),
    total_cost: z.string(),
    duration_ms: z.int(),
    tool_calls: z.array(ToolCallSummary),
    message_id: Id.optional(),
  }),
  cancelled: z.object({
    ...ofExecution,
    message: z.string(),
    by: z.string(),
    reason: z.string().optional(),
    in_flight: z.array(InFlight),
    released_usd: Decimal,
  }),
  error: z.object({
    ...ofExecution,
    code: ErrorCode,
    message: z.string(),
    fatal: z.boolean(),
    details: z.record(z.string(), z.unknown()).optional(),
    correlation_id: z.string().optional(),
  }),
} as const;

/** What `connected` says of an execution that has not ended. */
export const OpenExecution = z.object({
  execution_id: Id,
  command: z.string(),
  status: z.enum(["queued", "running", "waiting"]),
  created_at: Timestamp,
});

/** The data of every live-only event, by its type. */
export const liveEvents = {
  connected: z.object({
    ...ofSession,
    user_id: z.string(),
    last_seq: z.int(),
    status: z.enum(["active", "terminated"]),
    budget: Budget,
    pending_approvals: z.array(ApprovalRequired),
    executions: z.array(OpenExecution),
    frozen: z.array(Freeze),
    model: z.string(),
    heartbeat_ms: z.int(),
    protocol: z.literal(subprotocol),
  }),
  text_delta: z.object({ ...ofExecution, message_id: Id, delta: z.string() }),
  freeze,
  pong: z.object({ ...ofSession }),
  resync: z.object({ ...ofSession, first_seq: z.int(), last_seq: z.int() }),
  execution_started: z.object({
    ...durableEvents.execution_started.shape,
    duplicate: z.literal(true),
    status: z.string(),
  }),
  error: z.object({
    session_id: Id.optional(),
    execution_id: Id.optional(),
    request_id: Id.optional(),
    code: ErrorCode,
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    correlation_id: z.string().optional(),
  }),
} as const;

type DataOf<Schemas extends Record<string, z.ZodType>> = { [Type in keyof Schemas]: z.infer<Schemas[Type]> };

/** The data of each event that is kept in the log and replayed. */
export type DurableEventData = DataOf<typeof durableEvents>;
/** The types of the events that are kept in the log. */
export type DurableEventType = keyof DurableEventData;
/** The data of each event that only those who are connected see, and that is never replayed. */
export type LiveEventData = DataOf<typeof liveEvents>;
/** The types of live-only events. Some are also those of durable ones: `seq` tells which it is. */
export type LiveEventType = keyof LiveEventData;

/** A durable event as it goes over the wire; `seq` is its place in its session. */
export type DurableEvent = {
  [Type in DurableEventType]: {
    type: Type;
    data: DurableEventData[Type];
    timestamp: string;
    seq: number;
    ref?: string;
  };
}[DurableEventType];

/** A live-only event as it goes over the wire. */
export type LiveEvent = {
  [Type in LiveEventType]: { type: Type; data: LiveEventData[Type]; timestamp: string; seq?: undefined; ref?: string };
}[LiveEventType];

/** Everything a server sends over a WebSocket; only durable events have a `seq`. */
export type ServerEvent = DurableEvent | LiveEvent;
