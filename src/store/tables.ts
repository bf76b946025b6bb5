import type { Generated } from "kysely";
import type { FreezeScope } from "../protocol/freeze.ts";
import type { ContentState, PaymentState } from "../protocol/payment-info.ts";
import type { ApprovalStatus, ExecutionStatus, Session } from "../protocol/resources.ts";

export type Dialect = "sqlite" | "postgres";

/**
 * The tables as SQL has them. Times are ISO text in UTC; USD amounts are integers of a millionth; JSON is
 * text, because an event's bytes must stay what was hashed and sent.
 */
export interface Tables {
  sessions: {
    id: string;
    user_id: string;
    title: string | null;
    status: Session["status"];
    config: string;
    first_seq: Generated<number>;
    last_seq: Generated<number>;
    /** Counts the changes of `config`. */
    policy_version: Generated<number>;
    head_hash: string;
    spent_micros: Generated<number | bigint>;
    reserved_micros: Generated<number | bigint>;
    created_at: string;
    /** No event that can be archived is older; null: than the session. */
    oldest_at: Generated<string | null>;
  };
  /** Whom a session's config names as approvers, so that they find it. */
  session_approvers: {
    user_id: string;
    session_id: string;
  };
  executions: {
    id: string;
    session_id: string;
    user_id: string;
    command: string;
    plan: string | null;
    request_hash: string;
    status: ExecutionStatus;
    owner: string | null;
    fence: Generated<number>;
    /** The seq of `execution_started`: the order in which a session's commands came. */
    first_seq: number;
    /** The seq of the execution's newest event, whoever wrote it. */
    last_seq: Generated<number>;
    budget_limit_micros: number | bigint | null;
    spent_micros: Generated<number | bigint>;
    reserved_micros: Generated<number | bigint>;
    /** Time spent running, without the time spent waiting for humans. */
    active_ms: Generated<number>;
    claimed_at: string | null;
    cancel_by: string | null;
    cancel_reason: string | null;
    cancel_ref: string | null;
    result: string | null;
    error: string | null;
    created_at: string;
    started_at: string | null;
    ended_at: string | null;
  };
  events: {
    session_id: string;
    seq: number;
    execution_id: string | null;
    type: string;
    data: string;
    at: string;
    ref: string | null;
    hash: string;
  };
  /** What was moved from a session's log to files: everything before its `first_seq`. */
  archives: {
    session_id: string;
    /** The last event that was moved, and its hash, on which the rest of the chain stands. */
    last_seq: Generated<number>;
    last_hash: string;
    /** JSON: how many events of each type were moved. */
    counts: string;
    /** When the first and the last of them were written. */
    first_at: string | null;
    last_at: string | null;
    /** Up to which event the file goes that is being written; the same until it is done, whoever writes it. */
    planned_seq: number | null;
    claimed_by: string | null;
    claimed_until: string | null;
  };
  approvals: {
    id: string;
    session_id: string;
    execution_id: string;
    user_id: string;
    tool_id: string;
    tool_name: string;
    subagent_id: string | null;
    /** The arguments that were shown, and later the edited ones that replaced them. */
    args: string;
    /** Who is paid, by name. */
    payee: string | null;
    /** The policy under which it was asked; see sessions. */
    policy_version: number;
    /** How many different people must approve; 0 where any one decision is enough. */
    approvals_needed: number;
    /** Binds tool, arguments, payee, payment terms, expiry and policy; checked again before the call runs. */
    bound_hash: string;
    terms: string | null;
    micros: number | bigint;
    /** The data of the `approval_required` event. */
    request: string;
    status: ApprovalStatus;
    decided_by: string | null;
    decided_at: string | null;
    decision_reason: string | null;
    /** The policy under which it was decided. */
    decision_policy_version: number | null;
    created_at: string;
    expires_at: string;
  };
  approval_votes: {
    approval_id: string;
    user_id: string;
    reason: string | null;
    created_at: string;
  };
  spends: {
    execution_id: string;
    tool_id: string;
    epoch: number;
    session_id: string;
    user_id: string;
    day: string;
    micros: number | bigint;
    /** Who is paid, by name and address; null for a request to a model, whose `tool_id` is its own. */
    payee: string | null;
    pay_to: string | null;
    network: string | null;
    /** The spend rule that let it through. */
    rule_id: string | null;
    status: "reserved" | "settled" | "released";
    created_at: string;
  };
  user_days: {
    user_id: string;
    day: string;
    micros: number | bigint;
  };
  /** Whom a user has paid, once the money has moved. */
  payees: {
    user_id: string;
    network: string;
    address: string;
    payments: number;
    micros: number | bigint;
    last_paid_at: string;
  };
  /** What stops all payments: of a session, of a user, or (subject "") of everybody. */
  freezes: {
    scope: FreezeScope;
    subject: string;
    by_user: string;
    reason: string | null;
    created_at: string;
  };
  payments: {
    execution_id: string;
    tool_id: string;
    epoch: number;
    /** What people and programs call the payment by. */
    id: string;
    session_id: string;
    tool_name: string;
    payee: string;
    /** The address of the terms, in lower case. */
    pay_to: string;
    /** The payment of the same thing that this one repeats, because nothing was delivered for it. */
    repeats: string | null;
    /** The same for every payment that pays for the same request, or the same transfer. */
    request_hash: string;
    state: PaymentState;
    terms: string;
    signed: string | null;
    tx_hash: string | null;
    block: string | null;
    content: string | null;
    content_state: ContentState | null;
    quoted_at: string;
    reserved_at: string | null;
    signed_at: string | null;
    sent_at: string | null;
    unknown_at: string | null;
    ended_at: string | null;
    content_at: string | null;
    /** When the chain is to be asked again about a payment that nobody works on. */
    due_at: string;
  };
  tool_starts: {
    execution_id: string;
    tool_id: string;
    /** Counts the times a human let an interrupted call run again. */
    attempt: number;
    started_at: string;
  };
  spend_rules: {
    id: string;
    session_id: string;
    user_id: string;
    tool_name: string;
    payee: string | null;
    max_micros: number | bigint;
    total_micros: number | bigint | null;
    used_micros: Generated<number | bigint>;
    expires_at: string | null;
    created_at: string;
    revoked_at: string | null;
  };
  tickets: {
    hash: string;
    user_id: string;
    session_id: string;
    scopes: string;
    identity_expires_at: string | null;
    expires_at: string;
    /** The `jti` and `iat` of the token that it was made with. */
    token_id: string | null;
    token_issued_at: string | null;
  };
  /** Which tokens no longer hold: the one of an id, or all of a user that were issued before. */
  revocations: {
    kind: "token" | "user";
    subject: string;
    by_user: string;
    revoked_at: string;
  };
  idempotency_keys: {
    user_id: string;
    key: string;
    request_hash: string;
    status: number | null;
    response: string | null;
    location: string | null;
    created_at: string;
  };
  deployment: {
    one: number;
    id: string;
    payer: Generated<string | null>;
    /** Since when there is an archive, in a folder that bears the deployment's id. */
    archive_begun_at: Generated<string | null>;
  };
  nodes: {
    id: string;
    heartbeat_at: string;
  };
  /** On PostgreSQL only: how many sockets of a user, or of an address, each node has; one without any is left out. */
  socket_counts: {
    kind: "user" | "address";
    subject: string;
    counts: Record<string, number>;
  };
  /** On PostgreSQL only: what is left of a subject's rate, in thousandths, and what the last who asked was granted. */
  rate_buckets: {
    rate: string;
    subject: string;
    left_milli: number;
    at_ms: number;
    granted: number;
  };
}
