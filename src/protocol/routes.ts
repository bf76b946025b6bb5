import * as z from "zod";
import type { ErrorCode } from "./errors.ts";
import { Freeze, FreezeBody, FreezeTarget } from "./freeze.ts";
import { Id } from "./ids.ts";
import { PaymentDetail, PaymentInfo, PaymentState, Statement } from "./payment-info.ts";
import {
  ApproveBody,
  CancelBody,
  CreateSession,
  CreateTicket,
  EditBody,
  ExecuteBody,
  PatchSession,
  RejectBody,
} from "./request-bodies.ts";
import {
  Approval,
  ApprovalRecord,
  ApprovalStatus,
  EventsPage,
  Execution,
  Health,
  LogEntry,
  LogSummary,
  pageOf,
  Service,
  Session,
  SpendRuleInfo,
  Ticket,
  ToolInfo,
  WalletInfo,
} from "./resources.ts";
import { Simulate, Simulation } from "./simulation.ts";

/** One HTTP operation: what the server registers, what it checks, and what /openapi.json says of it. */
export interface Route {
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: `/${string}`;
  readonly tag: string;
  readonly summary: string;
  /** What the credential must allow; `none` needs no credential. */
  readonly scope: "read" | "execute" | "approve" | "none";
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType }>>;
  /** Beside those that every route can answer with. */
  readonly errors: readonly ErrorCode[];
  /** Also answers as a stream when asked for `text/event-stream`; its credential may then stand in `?token=`. */
  readonly streams?: true;
  /** Also answers as `text/csv`, when asked for it by `Accept` or `format=csv`. */
  readonly hasCsv?: true;
  /** The answer holds a secret, so it is not kept for a repeated `Idempotency-Key`. */
  readonly isSecret?: true;
}

const wholeNumber = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .prefault(String(fallback))
    .meta({ type: "integer", minimum: min, maximum: max, default: fallback });

const limit = wholeNumber(1, 200, 50);
const cursor = z.string().min(1).max(200).optional();
const paging = { cursor, limit };
const ofSession = z.strictObject({ session_id: Id });
const ofExecution = z.strictObject({ execution_id: Id });
const ofRequest = z.strictObject({ request_id: Id });
const Timestamp = z.iso.datetime();

const decisionErrors = [
  "not_found",
  "invalid_message",
  "already_decided",
  "approval_expired",
  "execution_ended",
  "conflict",
] as const;

/** Every HTTP operation by its name. */
export const routes = {
  createSession: {
    method: "post",
    path: "/api/v1/sessions",
    tag: "sessions",
    summary: "Open a session",
    scope: "execute",
    body: CreateSession.prefault({}),
    responses: { 201: { description: "The new session", schema: Session } },
    errors: ["invalid_message", "quota_exceeded", "conflict"],
  },
  listSessions: {
    method: "get",
    path: "/api/v1/sessions",
    tag: "sessions",
    summary: "List your sessions, newest first",
    scope: "read",
    query: z.strictObject(paging),
    responses: { 200: { description: "One page", schema: pageOf(Session) } },
    errors: ["invalid_message"],
  },
  getSession: {
    method: "get",
    path: "/api/v1/sessions/{session_id}",
    tag: "sessions",
    summary: "Read a session",
    scope: "read",
    params: ofSession,
    responses: { 200: { description: "The session", schema: Session } },
    errors: ["not_found"],
  },
  patchSession: {
    method: "patch",
    path: "/api/v1/sessions/{session_id}",
    tag: "sessions",
    summary: "Change a session's title or some of its settings",
    scope: "approve",
    params: ofSession,
    body: PatchSession,
    responses: { 200: { description: "The session as it is now", schema: Session } },
    errors: ["not_found", "invalid_message", "conflict"],
  },
  deleteSession: {
    method: "delete",
    path: "/api/v1/sessions/{session_id}",
    tag: "sessions",
    summary: "Terminate a session: its executions are cancelled and its sockets closed; its log stays",
    scope: "execute",
    params: ofSession,
    responses: { 204: { description: "The session is terminated" } },
    errors: ["not_found"],
  },
  execute: {
    method: "post",
    path: "/api/v1/sessions/{session_id}/executions",
    tag: "executions",
    summary: "Start an execution",
    scope: "execute",
    params: ofSession,
    body: ExecuteBody,
    responses: {
      201: { description: "The new execution", schema: Execution },
      200: { description: "The execution that this execution_id already started", schema: Execution },
    },
    errors: ["not_found", "invalid_message", "conflict", "session_busy", "quota_exceeded", "unavailable"],
  },
  listExecutions: {
    method: "get",
    path: "/api/v1/sessions/{session_id}/executions",
    tag: "executions",
    summary: "List a session's executions, newest first",
    scope: "read",
    params: ofSession,
    query: z.strictObject(paging),
    responses: { 200: { description: "One page", schema: pageOf(Execution) } },
    errors: ["not_found", "invalid_message"],
  },
  getExecution: {
    method: "get",
    path: "/api/v1/executions/{execution_id}",
    tag: "executions",
    summary: "Read an execution",
    scope: "read",
    params: ofExecution,
    responses: { 200: { description: "The execution", schema: Execution } },
    errors: ["not_found"],
  },
  cancelExecution: {
    method: "post",
    path: "/api/v1/executions/{execution_id}/cancel",
    tag: "executions",
    summary: "Stop an execution; its cancelled event says what became of calls in flight",
    scope: "execute",
    params: ofExecution,
    body: CancelBody.prefault({}),
    responses: { 202: { description: "The execution, which is stopping or has stopped", schema: Execution } },
    errors: ["not_found", "invalid_message", "execution_ended", "conflict"],
  },
  readEvents: {
    method: "get",
    path: "/api/v1/sessions/{session_id}/events",
    tag: "events",
    summary:
      "Read a session's events after after_seq, as JSON; or follow them with Accept: text/event-stream (Last-Event-ID wins over after_seq)",
    scope: "read",
    params: ofSession,
    query: z.strictObject({
      after_seq: wholeNumber(0, 999_999_999_999_999, 0),
      limit: wholeNumber(1, 1000, 200),
      token: z.string().optional(),
    }),
    responses: { 200: { description: "The events in order", schema: EventsPage } },
    errors: ["not_found", "invalid_message"],
    streams: true,
  },
  listApprovals: {
    method: "get",
    path: "/api/v1/approvals",
    tag: "approvals",
    summary: "List approval requests, newest first",
    scope: "read",
    query: z.strictObject({ ...paging, status: ApprovalStatus.optional() }),
    responses: { 200: { description: "One page", schema: pageOf(Approval) } },
    errors: ["invalid_message"],
  },
  getApproval: {
    method: "get",
    path: "/api/v1/approvals/{request_id}",
    tag: "approvals",
    summary: "Read a request with its decision and what the decision was bound to, for an audit",
    scope: "read",
    params: ofRequest,
    responses: { 200: { description: "The record", schema: ApprovalRecord } },
    errors: ["not_found"],
  },
  approve: {
    method: "post",
    path: "/api/v1/approvals/{request_id}/approve",
    tag: "approvals",
    summary: "Let a call run exactly as shown",
    scope: "approve",
    params: ofRequest,
    body: ApproveBody.prefault({}),
    responses: { 200: { description: "The decided approval", schema: Approval } },
    errors: [...decisionErrors, "policy_denied", "budget_exceeded"],
  },
  reject: {
    method: "post",
    path: "/api/v1/approvals/{request_id}/reject",
    tag: "approvals",
    summary: "Refuse a call; the agent is told why and goes on",
    scope: "approve",
    params: ofRequest,
    body: RejectBody.prefault({}),
    responses: { 200: { description: "The decided approval", schema: Approval } },
    errors: decisionErrors,
  },
  edit: {
    method: "post",
    path: "/api/v1/approvals/{request_id}/edit",
    tag: "approvals",
    summary: "Let a call run with other arguments, after they are checked and priced anew",
    scope: "approve",
    params: ofRequest,
    body: EditBody,
    responses: { 200: { description: "The decided approval", schema: Approval } },
    errors: [...decisionErrors, "invalid_arguments", "policy_denied", "budget_exceeded"],
  },
  readLog: {
    method: "get",
    path: "/api/v1/logs",
    tag: "logs",
    summary: "Read a session's log with its hash chain, oldest first",
    scope: "read",
    query: z.strictObject({
      ...paging,
      session_id: Id,
      execution_id: Id.optional(),
      type: z.string().min(1).max(64).optional(),
      from: Timestamp.optional(),
      to: Timestamp.optional(),
    }),
    responses: { 200: { description: "One page", schema: pageOf(LogEntry) } },
    errors: ["not_found", "invalid_message"],
  },
  readExecutionLog: {
    method: "get",
    path: "/api/v1/logs/{execution_id}",
    tag: "logs",
    summary: "Read an execution's part of the log, oldest first",
    scope: "read",
    params: ofExecution,
    query: z.strictObject(paging),
    responses: { 200: { description: "One page", schema: pageOf(LogEntry) } },
    errors: ["not_found", "invalid_message"],
  },
  summarizeLog: {
    method: "get",
    path: "/api/v1/logs/{session_id}/summary",
    tag: "logs",
    summary: "Sum up a session's log",
    scope: "read",
    params: ofSession,
    responses: { 200: { description: "The summary", schema: LogSummary } },
    errors: ["not_found"],
  },
  getWallet: {
    method: "get",
    path: "/api/v1/wallet",
    tag: "payments",
    summary: "Read the agent wallet's address and balance",
    scope: "read",
    responses: { 200: { description: "The wallet", schema: WalletInfo } },
    errors: ["unavailable"],
  },
  listServices: {
    method: "get",
    path: "/api/v1/services",
    tag: "payments",
    summary: "List the services that the agent can buy from by name",
    scope: "read",
    responses: { 200: { description: "All of them", schema: pageOf(Service) } },
    errors: [],
  },
  listPayments: {
    method: "get",
    path: "/api/v1/payments",
    tag: "payments",
    summary: "List payments, newest first; from and to are about when they were quoted",
    scope: "read",
    query: z.strictObject({
      ...paging,
      session_id: Id.optional(),
      execution_id: Id.optional(),
      state: PaymentState.optional(),
      payee: z.string().min(1).max(200).optional(),
      from: Timestamp.optional(),
      to: Timestamp.optional(),
    }),
    responses: { 200: { description: "One page", schema: pageOf(PaymentInfo) } },
    errors: ["invalid_message"],
  },
  readStatement: {
    method: "get",
    path: "/api/v1/payments/statement",
    tag: "payments",
    summary: "Read what a session paid in a period, with totals; as JSON, or as CSV with Accept: text/csv",
    scope: "read",
    query: z.strictObject({
      session_id: Id,
      from: Timestamp.optional(),
      to: Timestamp.optional(),
      format: z.enum(["json", "csv"]).optional(),
    }),
    responses: { 200: { description: "The statement", schema: Statement } },
    errors: ["not_found", "invalid_message", "quota_exceeded"],
    hasCsv: true,
  },
  getPayment: {
    method: "get",
    path: "/api/v1/payments/{payment_id}",
    tag: "payments",
    summary: "Read a payment: its terms, what happened when, and its receipt",
    scope: "read",
    params: z.strictObject({ payment_id: Id }),
    responses: { 200: { description: "The payment", schema: PaymentDetail } },
    errors: ["not_found"],
  },
  listTools: {
    method: "get",
    path: "/api/v1/tools",
    tag: "tools",
    summary: "List the tools that agents are offered, with the schemas of their arguments",
    scope: "read",
    responses: { 200: { description: "All of them", schema: pageOf(ToolInfo) } },
    errors: [],
  },
  listSpendRules: {
    method: "get",
    path: "/api/v1/sessions/{session_id}/spend-rules",
    tag: "payments",
    summary: "List the rules that approvals of a session left behind",
    scope: "read",
    params: ofSession,
    responses: { 200: { description: "All of them", schema: pageOf(SpendRuleInfo) } },
    errors: ["not_found"],
  },
  revokeSpendRule: {
    method: "delete",
    path: "/api/v1/spend-rules/{rule_id}",
    tag: "payments",
    summary: "Revoke a spend rule",
    scope: "approve",
    params: z.strictObject({ rule_id: Id }),
    responses: { 204: { description: "The rule no longer holds" } },
    errors: ["not_found"],
  },
  simulatePolicy: {
    method: "post",
    path: "/api/v1/policy/simulate",
    tag: "policy",
    summary:
      "Tell what a call would meet now: whether it runs, is asked about or denied, by which rule; changes nothing",
    scope: "execute",
    body: Simulate,
    responses: { 200: { description: "The verdict", schema: Simulation } },
    errors: [
      "not_found",
      "invalid_message",
      "invalid_arguments",
      "tool_failed",
      "payment_terms_invalid",
      "url_blocked",
      "timeout",
      "unavailable",
      "conflict",
    ],
  },
  listFreezes: {
    method: "get",
    path: "/api/v1/freeze",
    tag: "policy",
    summary: "List the freezes that concern you: of all, of yourself, of your sessions",
    scope: "read",
    responses: { 200: { description: "All of them", schema: pageOf(Freeze) } },
    errors: [],
  },
  freeze: {
    method: "post",
    path: "/api/v1/freeze",
    tag: "policy",
    summary: "Stop all payments of a session, of yourself, or of everybody (scope admin); twice is once",
    scope: "approve",
    body: FreezeBody,
    responses: { 200: { description: "The freeze that holds", schema: Freeze } },
    errors: ["not_found", "invalid_message", "conflict"],
  },
  unfreeze: {
    method: "delete",
    path: "/api/v1/freeze",
    tag: "policy",
    summary: "Lift a freeze; lifting one that is not there is no error",
    scope: "approve",
    query: FreezeTarget,
    responses: { 204: { description: "It does not hold any more" } },
    errors: ["not_found", "invalid_message"],
  },
  createTicket: {
    method: "post",
    path: "/api/v1/tickets",
    tag: "tickets",
    summary: "Make a single-use credential, valid for 30 seconds, for one session's WebSocket or event stream",
    scope: "read",
    body: CreateTicket,
    responses: { 201: { description: "The ticket; give it as ?token=", schema: Ticket } },
    errors: ["not_found", "invalid_message"],
    isSecret: true,
  },
  checkLive: {
    method: "get",
    path: "/health/live",
    tag: "health",
    summary: "Whether the process answers",
    scope: "none",
    responses: { 200: { description: "It does", schema: Health } },
    errors: [],
  },
  checkReady: {
    method: "get",
    path: "/health/ready",
    tag: "health",
    summary: "Whether the server can take work",
    scope: "none",
    responses: {
      200: { description: "It can", schema: Health },
      503: { description: "It cannot now; checks says why", schema: Health },
    },
    errors: [],
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
