import type { Freeze, FreezeBody, FreezeTarget } from "../../protocol/freeze.ts";
import type { Approve, Edit, Reject } from "../../protocol/messages.ts";
import type { PaymentDetail, PaymentInfo, Statement } from "../../protocol/payment-info.ts";
import type { PaymentsBy, PaymentTotals } from "../../protocol/payment-totals.ts";
import type { CancelBody, CreateSession, ExecuteBody, PatchSession } from "../../protocol/request-bodies.ts";
import type {
  Approval,
  ApprovalRecord,
  ApprovalStatus,
  ArchivedEvents,
  Execution,
  Health,
  LogSummary,
  Service,
  Session,
  SpendRuleInfo,
  Ticket,
  ToolList,
  WalletInfo,
} from "../../protocol/resources.ts";
import type { Revocation, RevokeTokens } from "../../protocol/revocation.ts";
import type { Simulate, Simulation } from "../../protocol/simulation.ts";
import type { Cursor } from "../../store/cursor.ts";
import type { KeptReply } from "../../store/idempotency-keys.ts";
import type { LogFilter } from "../../store/log-queries.ts";
import type { PaymentFilter } from "../../store/payment-queries.ts";
import type { Identity } from "../auth.ts";

/** What the HTTP routes need of the rest of the server. Whatever is not the caller's throws `not_found`. */
export interface Api {
  createSession(identity: Identity, body: CreateSession): Promise<Session>;
  listSessions(identity: Identity, slice: Slice): Promise<readonly Session[]>;
  getSession(identity: Identity, sessionId: string): Promise<Session>;
  patchSession(identity: Identity, sessionId: string, body: PatchSession): Promise<Session>;
  deleteSession(identity: Identity, sessionId: string): Promise<void>;

  execute(
    identity: Identity,
    sessionId: string,
    body: ExecuteBody,
  ): Promise<{ readonly execution: Execution; readonly isNew: boolean }>;
  listExecutions(identity: Identity, sessionId: string, slice: Slice): Promise<readonly Execution[]>;
  getExecution(identity: Identity, executionId: string): Promise<Execution>;
  cancel(identity: Identity, executionId: string, body: CancelBody): Promise<Execution>;

  listApprovals(
    identity: Identity,
    filter: Slice & { readonly status: ApprovalStatus | undefined },
  ): Promise<readonly Approval[]>;
  getApproval(identity: Identity, requestId: string): Promise<ApprovalRecord>;
  decide(identity: Identity, decision: DecisionMessage): Promise<Approval>;

  simulate(identity: Identity, call: Simulate): Promise<Simulation>;
  listFreezes(identity: Identity): Promise<readonly Freeze[]>;
  freeze(identity: Identity, target: FreezeBody): Promise<Freeze>;
  unfreeze(identity: Identity, target: FreezeTarget): Promise<void>;

  readEvents(identity: Identity, sessionId: string, afterSeq: number, limit: number): Promise<EventSlice>;
  /** Tells of every event that a session's sockets get, in order, until the returned function is called. */
  subscribe(sessionId: string, listener: (frame: Frame) => void, lastSeq: number): () => void;

  readLog(identity: Identity, filter: LogFilter): Promise<LogSlice>;
  readExecutionLog(
    identity: Identity,
    executionId: string,
    slice: { readonly afterSeq: number; readonly limit: number },
  ): Promise<LogSlice>;
  summarizeLog(identity: Identity, sessionId: string): Promise<LogSummary>;

  getWallet(identity: Identity): Promise<WalletInfo>;
  listPayments(identity: Identity, filter: Slice & PaymentFilter): Promise<readonly PaymentInfo[]>;
  /** Throws `quota_exceeded` when there are more sums than one answer can hold. */
  totalPayments(identity: Identity, query: PaymentFilter & { readonly by: PaymentsBy }): Promise<PaymentTotals>;
  getPayment(identity: Identity, paymentId: string): Promise<PaymentDetail>;
  /** Throws `quota_exceeded` when the period has more payments than one statement can hold. */
  readStatement(identity: Identity, period: StatementPeriod): Promise<Statement>;
  listServices(identity: Identity): Promise<readonly Service[]>;
  listTools(identity: Identity): Promise<ToolList>;
  listSpendRules(identity: Identity, sessionId: string): Promise<readonly SpendRuleInfo[]>;
  revokeSpendRule(identity: Identity, ruleId: string): Promise<void>;

  /** Throws `conflict` in local mode, whose one token cannot be revoked. */
  revokeTokens(identity: Identity, target: RevokeTokens): Promise<Revocation>;
  /** Calls `end` when the identity's token is revoked, until the returned function is called. */
  onRevoked(identity: Identity, end: () => void): () => void;

  createTicket(identity: Identity, sessionId: string): Promise<Ticket>;
  /** Uses a ticket up. Throws `unauthenticated` when it is unknown, used, expired, or of another session. */
  redeemTicket(ticket: string, sessionId: string): Promise<Identity>;

  checkReady(): Promise<Health>;
}

/** At most `limit` items, newest first, made before the one that `before` names. */
export interface Slice {
  readonly before: Cursor | undefined;
  readonly limit: number;
}

export interface StatementPeriod {
  readonly session_id: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export type DecisionMessage =
  | { readonly type: "approve"; readonly data: Approve }
  | { readonly type: "reject"; readonly data: Reject }
  | { readonly type: "edit"; readonly data: Edit };

/** An event as its JSON text; `seq` is undefined for one that is live only. */
export interface Frame {
  readonly seq: number | undefined;
  readonly text: string;
}

/** Durable events in order, and the ends of what the log holds. */
export interface EventSlice {
  readonly events: readonly { readonly seq: number; readonly text: string }[];
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly archived?: ArchivedEvents | undefined;
}

/** Lines of a log in order, and what is missing before them. */
export interface LogSlice {
  readonly lines: readonly LogLine[];
  readonly archived: ArchivedEvents | undefined;
}

export interface LogLine {
  readonly seq: number;
  readonly text: string;
  readonly hash: string;
}

/** Remembers the answers to requests that carried an `Idempotency-Key`. */
export interface Idempotency {
  /**
   * Does the work once for a user's key and gives its answer ever after. The same key with another hash, or
   * while the first request is still being worked on, throws `conflict`. Work that throws leaves no trace.
   */
  run(
    request: { readonly userId: string; readonly key: string; readonly requestHash: string },
    work: () => Promise<KeptReply>,
  ): Promise<KeptReply>;
}
