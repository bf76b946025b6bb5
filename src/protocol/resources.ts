import * as z from "zod";
import { ErrorCode } from "./errors.ts";
import { ApprovalRequired, Budget, durableEvents, ErrorInfo } from "./events.ts";
import { Id } from "./ids.ts";
import { Decimal } from "./money.ts";
import { Scope } from "./scope.ts";
import { SessionConfig } from "./session-config.ts";

const Timestamp = z.iso.datetime();
const Args = z.record(z.string(), z.unknown());

/** A conversation with its policy, its budget and its log. */
export const Session = z.object({
  id: Id,
  title: z.string().nullable(),
  status: z.enum(["active", "terminated"]),
  config: SessionConfig,
  /** Counts the changes of `config`; events name the one that they were judged under. */
  policy_version: z.int(),
  /** The oldest event that is kept, which is none when it is beyond `last_seq`; absent: 1. */
  first_seq: z.int().optional(),
  last_seq: z.int(),
  budget: Budget,
  created_at: Timestamp,
});
export type Session = z.infer<typeof Session>;

/** How far an execution got; the last three are ends. */
export const ExecutionStatus = z.enum(["queued", "running", "waiting", "completed", "failed", "cancelled"]);
export type ExecutionStatus = z.infer<typeof ExecutionStatus>;

/** One command being worked on. `result` stands once it has completed, `error` once it has failed. */
export const Execution = z.object({
  execution_id: Id,
  session_id: Id,
  command: z.string(),
  status: ExecutionStatus,
  created_at: Timestamp,
  started_at: Timestamp.optional(),
  ended_at: Timestamp.optional(),
  total_cost_usd: Decimal,
  result: durableEvents.complete.shape.result.optional(),
  error: ErrorInfo.optional(),
});
export type Execution = z.infer<typeof Execution>;

const decidedByHuman = {
  decided_by: z.string(),
  decided_at: Timestamp,
  decision_reason: z.string().optional(),
};
const request = { ...ApprovalRequired.shape, created_at: Timestamp };

/** An approval request and what became of it; `tool_args` stay those that were asked about. */
export const Approval = z.discriminatedUnion("status", [
  z.object({ ...request, status: z.literal("pending") }),
  z.object({ ...request, status: z.literal("approved"), ...decidedByHuman }),
  z.object({ ...request, status: z.literal("rejected"), ...decidedByHuman }),
  z.object({ ...request, status: z.literal("edited"), ...decidedByHuman, edited_args: Args }),
  z.object({ ...request, status: z.literal("expired"), decided_at: Timestamp }),
  z.object({
    ...request,
    status: z.literal("cancelled"),
    decided_by: z.string().optional(),
    decided_at: Timestamp,
    decision_reason: z.string().optional(),
  }),
]);
export type Approval = z.infer<typeof Approval>;

/** One person's approval of a request that needs several. */
const ApprovalVote = z.object({ by: z.string(), at: Timestamp, reason: z.string().optional() });

/**
 * A request, its decision, and what exactly the decision was bound to, for an audit. `bound` is what
 * `bound_hash` is the SHA-256 of; an edit replaces it.
 */
export const ApprovalRecord = z.object({
  approval: Approval,
  bound_hash: z.string(),
  bound: z.object({
    tool_name: z.string(),
    tool_args: Args,
    payee: z.string().nullable(),
    /** The terms of payment as they were frozen: network, asset, payee, amount, resource; null for what costs nothing. */
    terms: z.string().nullable(),
    expires_at: Timestamp,
    policy_version: z.int(),
  }),
  /** The policy that held when it was decided. */
  decision_policy_version: z.int().optional(),
  votes: z.array(ApprovalVote),
});
export type ApprovalRecord = z.infer<typeof ApprovalRecord>;

/** What became of an approval request; only `pending` is no end. */
export const ApprovalStatus = z.enum(["pending", "approved", "rejected", "edited", "expired", "cancelled"]);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

/** A service that `pay_service` can buy from by name. A free one has the price `"0.00"`. */
export const Service = z.object({
  name: z.string(),
  description: z.string(),
  url: z.string(),
  price: Decimal,
  currency: z.string(),
  network: z.string(),
});
export type Service = z.infer<typeof Service>;

/** A tool that agents are offered. `args_schema` is the JSON Schema of its arguments. */
export const ToolInfo = z.object({
  name: z.string(),
  description: z.string(),
  effect: z.enum(["read", "write", "payment", "delegate", "question"]),
  args_schema: z.record(z.string(), z.unknown()),
});
export type ToolInfo = z.infer<typeof ToolInfo>;

/** All tools, and the model that reads commands where a session's config names none. */
export const ToolList = z.object({ data: z.array(ToolInfo), next_cursor: z.null(), model: z.string() });
export type ToolList = z.infer<typeof ToolList>;

/** What the server's wallet holds: all that its sessions can spend together. */
export const WalletInfo = z.object({
  address: z.string(),
  network: z.string(),
  currency: z.string(),
  amount: Decimal,
});
export type WalletInfo = z.infer<typeof WalletInfo>;

/** A spend rule that a human left with an approval; `used` is what it has let through so far, in USD. */
export const SpendRuleInfo = z.object({
  id: Id,
  session_id: Id,
  tool_name: z.string(),
  payee: z.string().optional(),
  max_amount: Decimal,
  total: Decimal.optional(),
  used: Decimal,
  expires_at: Timestamp.optional(),
  created_at: Timestamp,
  revoked_at: Timestamp.optional(),
});
export type SpendRuleInfo = z.infer<typeof SpendRuleInfo>;

/** A durable event as it goes over the wire, whatever its type. */
export const EventFrame = z.object({
  type: z.string(),
  data: Args,
  timestamp: Timestamp,
  seq: z.int(),
  ref: z.string().optional(),
});
export type EventFrame = z.infer<typeof EventFrame>;

/**
 * An event with its link of the hash chain: `hash` is the SHA-256 of the previous hash, a newline, and the
 * event's JSON text without `hash`, in hexadecimal.
 */
export const LogEntry = z.object({ ...EventFrame.shape, hash: z.string() });
export type LogEntry = z.infer<typeof LogEntry>;

/** What of a log was moved to the server's archive, which whoever runs the server has. */
export const ArchivedEvents = z.object({
  /** The last event that was moved. */
  last_seq: z.int(),
  /** A sentence for people. */
  message: z.string(),
});
export type ArchivedEvents = z.infer<typeof ArchivedEvents>;

/** What a session's log comes to, with what of it was archived. */
export const LogSummary = z.object({
  session_id: Id,
  /** How many events there are of each type. */
  events: z.record(z.string(), z.int()),
  executions: z.int(),
  tool_calls: z.int(),
  total_cost_usd: Decimal,
  /** From the first event to the last. */
  duration_ms: z.int(),
});
export type LogSummary = z.infer<typeof LogSummary>;

/** Who a credential says one is, and the scopes that it gives; `admin` stands for all. */
export const IdentityInfo = z.object({
  user_id: z.string(),
  scopes: z.array(Scope),
  expires_at: Timestamp.optional(),
});
export type IdentityInfo = z.infer<typeof IdentityInfo>;

/** A single-use credential for one WebSocket or event stream of one session. */
export const Ticket = z.object({ ticket: z.string(), session_id: Id, expires_at: Timestamp });
export type Ticket = z.infer<typeof Ticket>;

/** RFC 9457 problem details; `detail` says what is wrong and the way out. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: ErrorCode,
  details: z.record(z.string(), z.unknown()).optional(),
  correlation_id: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

/** One page of a list; ask for the next one with `cursor=next_cursor` until that is null. */
export interface Page<Item> {
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() });

/** A page of a log; `archived` where events are left out that were moved to the archive. */
export const LogPage = z.object({ ...pageOf(LogEntry).shape, archived: ArchivedEvents.optional() });
export type LogPage = z.infer<typeof LogPage>;

/** Events after `after_seq`; there are more while the last one's `seq` is below `last_seq`. */
export const EventsPage = z.object({
  data: z.array(EventFrame),
  /** The oldest event that is still kept, and the newest. */
  first_seq: z.int(),
  last_seq: z.int(),
  /** Where events are left out that were moved to the archive. */
  archived: ArchivedEvents.optional(),
});
export type EventsPage = z.infer<typeof EventsPage>;

/** Whether the process lives, or is ready for work; `checks` names what is not. */
export const Health = z.object({
  status: z.enum(["ok", "unavailable"]),
  checks: z.record(z.string(), z.enum(["ok", "failed"])).optional(),
});
export type Health = z.infer<typeof Health>;
