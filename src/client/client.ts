import type * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { Freeze, FreezeBody, FreezeTarget } from "../protocol/freeze.ts";
import { type RawLogEntry, readLogPage } from "../protocol/log-page.ts";
import type { PaymentDetail, PaymentInfo, PaymentState, Statement } from "../protocol/payment-info.ts";
import type { PaymentsBy, PaymentTotals } from "../protocol/payment-totals.ts";
import type {
  ApproveBody,
  CancelBody,
  CreateSession,
  EditBody,
  ExecuteBody,
  PatchSession,
  RejectBody,
} from "../protocol/request-bodies.ts";
import type {
  Approval,
  ApprovalRecord,
  ApprovalStatus,
  EventsPage,
  Execution,
  IdentityInfo,
  LogPage,
  LogSummary,
  Page,
  Service,
  Session,
  SpendRuleInfo,
  Ticket,
  ToolList,
  WalletInfo,
} from "../protocol/resources.ts";
import type { Revocation, RevokeTokens } from "../protocol/revocation.ts";
import type { Simulate, Simulation } from "../protocol/simulation.ts";
import { webSocketPath } from "../protocol/websocket.ts";
import type { TokenSource } from "./access-token.ts";
import { Connection } from "./connection.ts";
import { createSend, type Send } from "./http.ts";
import { defaultReconnect, type ReconnectOptions } from "./reconnect-delay.ts";
import { type ExecutionEnd, isExecutionEnd, readServerEvent } from "./server-event.ts";

/** Where the server is, who asks, and how a connection behaves when it is lost. */
export interface ClientOptions {
  /** Where the server is, e.g. `http://127.0.0.1:8000`. */
  readonly url: string;
  /** A token, or a function that is asked for one at every connect and request, and again when it was refused. */
  readonly token: TokenSource;
  readonly reconnect?: ReconnectOptions;
  /** How long a silent server is waited for before the connection is made anew; 10 s if not given. */
  readonly answerTimeoutMs?: number;
  /** Told what a listener throws. Without it such an error is uncaught, as with any event of the platform. */
  readonly onListenerError?: (error: unknown) => void;
}

/** Which part of a list: up to `limit` items (1 to 200; 50 if not given) from a page's `next_cursor` on. */
export interface PageQuery {
  readonly cursor?: string;
  readonly limit?: number;
}

/** Which events of a session's log; what is left out limits nothing. */
export interface LogQuery extends PageQuery {
  readonly session_id: string;
  readonly execution_id?: string;
  readonly type?: string;
  /** ISO 8601 in UTC, like `to`. */
  readonly from?: string;
  readonly to?: string;
}

/** Which payments of all your sessions; what is left out limits nothing. */
export interface PaymentFilter {
  readonly session_id?: string;
  readonly execution_id?: string;
  readonly state?: PaymentState;
  /** A name or an address. */
  readonly payee?: string;
  /** When it was quoted: ISO 8601 in UTC, like `to`, which is not included. */
  readonly from?: string;
  readonly to?: string;
}

/** Which payments, and which page of them. */
export interface PaymentQuery extends PaymentFilter, PageQuery {}

/** Which session a statement is of, and which period; without a bound, from its beginning or until now. */
export interface StatementQuery {
  readonly session_id: string;
  /** When money moved: ISO 8601 in UTC, like `to`, which is not included. */
  readonly from?: string;
  readonly to?: string;
}

/** Where a connection begins in the session's log. */
export interface ConnectOptions {
  /** Resume behind this event; 0 for the whole history. Without it only what happens from now on is seen. */
  readonly lastSeq?: number;
}

/**
 * A client of one Paygent server, for browsers and Node. Whatever the server refuses is thrown as a
 * `PaygentError` with the server's code; `unavailable` when nothing answers.
 *
 * @example
 * const paygent = createClient({ url: "http://127.0.0.1:8000", token });
 * const session = await paygent.sessions.create({ title: "Research" });
 * const connection = paygent.connect(session.id);
 * connection.on("approval_required", (event) => connection.approve(event.data.request_id));
 * const end = await connection.execute("pay 0.10 USDC to market-data").result;
 */
export function createClient(options: ClientOptions): PaygentClient {
  const baseUrl = readBaseUrl(options.url);
  const send = createSend(baseUrl, options.token);
  const resources = resourcesOf(send);
  return {
    ...resources,
    connect: (sessionId, connectOptions = {}) =>
      new Connection({
        url: `${baseUrl.replace(/^http/, "ws")}${webSocketPath}`,
        sessionId,
        token: options.token,
        lastSeq: connectOptions.lastSeq,
        reconnect: options.reconnect ?? defaultReconnect,
        answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
        onListenerError: options.onListenerError ?? throwUncaught,
        findEnd: (executionId) => findEnd(resources, executionId),
      }),
  };
}

/** What a server does over HTTP, by noun, and its sessions live. */
export interface PaygentClient extends Resources {
  /** Opens a live connection to a session. It connects at once and keeps itself connected. */
  connect(sessionId: string, options?: ConnectOptions): Connection;
}

function readBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    throw new PaygentError(
      "invalid_arguments",
      "The server's address must be an http or https URL without user or query, such as http://127.0.0.1:8000.",
    );
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

type Resources = ReturnType<typeof resourcesOf>;

function resourcesOf(send: Send) {
  const id = encodeURIComponent;
  return {
    sessions: {
      create: (body: z.input<typeof CreateSession> = {}): Promise<Session> =>
        send({ method: "POST", path: "/sessions", body }),
      get: (sessionId: string): Promise<Session> => send({ method: "GET", path: `/sessions/${id(sessionId)}` }),
      list: (query: PageQuery = {}): Promise<Page<Session>> =>
        send({ method: "GET", path: "/sessions", query: { ...query } }),
      update: (sessionId: string, body: PatchSession): Promise<Session> =>
        send({ method: "PATCH", path: `/sessions/${id(sessionId)}`, body }),
      /** Terminates the session: its open executions are cancelled and its sockets closed with 4409. */
      delete: (sessionId: string): Promise<void> => send({ method: "DELETE", path: `/sessions/${id(sessionId)}` }),
    },
    executions: {
      /** The same as `execute` on a connection, without watching. */
      create: (sessionId: string, body: ExecuteBody): Promise<Execution> =>
        send({ method: "POST", path: `/sessions/${id(sessionId)}/executions`, body }),
      get: (executionId: string): Promise<Execution> => send({ method: "GET", path: `/executions/${id(executionId)}` }),
      list: (sessionId: string, query: PageQuery = {}): Promise<Page<Execution>> =>
        send({ method: "GET", path: `/sessions/${id(sessionId)}/executions`, query: { ...query } }),
      cancel: (executionId: string, body: CancelBody = {}): Promise<Execution> =>
        send({ method: "POST", path: `/executions/${id(executionId)}/cancel`, body }),
    },
    approvals: {
      list: (query: PageQuery & { readonly status?: ApprovalStatus } = {}): Promise<Page<Approval>> =>
        send({ method: "GET", path: "/approvals", query: { ...query } }),
      /** A request with its decision, its votes and what the decision was bound to. */
      get: (requestId: string): Promise<ApprovalRecord> => send({ method: "GET", path: `/approvals/${id(requestId)}` }),
      approve: (requestId: string, body: ApproveBody = {}): Promise<Approval> =>
        send({ method: "POST", path: `/approvals/${id(requestId)}/approve`, body }),
      reject: (requestId: string, body: RejectBody = {}): Promise<Approval> =>
        send({ method: "POST", path: `/approvals/${id(requestId)}/reject`, body }),
      edit: (requestId: string, body: EditBody): Promise<Approval> =>
        send({ method: "POST", path: `/approvals/${id(requestId)}/edit`, body }),
    },
    events: {
      /** A session's durable events after `after_seq`, oldest first. */
      list: (
        sessionId: string,
        query: { readonly after_seq?: number; readonly limit?: number } = {},
      ): Promise<EventsPage> => send({ method: "GET", path: `/sessions/${id(sessionId)}/events`, query: { ...query } }),
    },
    logs: {
      /** A session's log with its hash chain, oldest first. */
      list: (query: LogQuery): Promise<LogPage> => send({ method: "GET", path: "/logs", query: { ...query } }),
      /** The same with each event's text as it was sent, which is what its hash is of. */
      raw: async (query: LogQuery): Promise<Page<RawLogEntry>> =>
        readLogPage(await send({ method: "GET", path: "/logs", query: { ...query }, answer: "text" })),
      /** An execution's part of the log, oldest first. */
      ofExecution: (executionId: string, query: PageQuery = {}): Promise<LogPage> =>
        send({ method: "GET", path: `/logs/${id(executionId)}`, query: { ...query } }),
      summary: (sessionId: string): Promise<LogSummary> =>
        send({ method: "GET", path: `/logs/${id(sessionId)}/summary` }),
    },
    payments: {
      /** Payments of all your sessions, newest first. */
      list: (query: PaymentQuery = {}): Promise<Page<PaymentInfo>> =>
        send({ method: "GET", path: "/payments", query: { ...query } }),
      /** What they come to by day, payee, tool, session or state. */
      totals: (query: PaymentFilter & { readonly by: PaymentsBy }): Promise<PaymentTotals> =>
        send({ method: "GET", path: "/payments/totals", query: { ...query } }),
      get: (paymentId: string): Promise<PaymentDetail> => send({ method: "GET", path: `/payments/${id(paymentId)}` }),
      /** What a session paid in a period, with totals. */
      statement: (query: StatementQuery): Promise<Statement> =>
        send({ method: "GET", path: "/payments/statement", query: { ...query } }),
    },
    spendRules: {
      /** What approvals with `remember` left behind in a session. */
      list: (sessionId: string): Promise<Page<SpendRuleInfo>> =>
        send({ method: "GET", path: `/sessions/${id(sessionId)}/spend-rules` }),
      revoke: (ruleId: string): Promise<void> => send({ method: "DELETE", path: `/spend-rules/${id(ruleId)}` }),
    },
    policy: {
      /** What a call would meet now; changes nothing. */
      simulate: (body: z.input<typeof Simulate>): Promise<Simulation> =>
        send({ method: "POST", path: "/policy/simulate", body }),
    },
    freezes: {
      /** Stops all payments of a session, of yourself, or of everybody. */
      put: (body: FreezeBody): Promise<Freeze> => send({ method: "POST", path: "/freeze", body }),
      lift: (target: FreezeTarget): Promise<void> => send({ method: "DELETE", path: "/freeze", query: { ...target } }),
      list: (): Promise<Page<Freeze>> => send({ method: "GET", path: "/freeze" }),
    },
    /** Who the token says you are, and what it allows. */
    identity: { get: (): Promise<IdentityInfo> => send({ method: "GET", path: "/identity" }) },
    tokens: {
      /** Ends one token, or all of a user that were issued before now; needs the scope `admin`. */
      revoke: (body: RevokeTokens): Promise<Revocation> => send({ method: "POST", path: "/revocations", body }),
    },
    wallet: { get: (): Promise<WalletInfo> => send({ method: "GET", path: "/wallet" }) },
    services: { list: (): Promise<Page<Service>> => send({ method: "GET", path: "/services" }) },
    tools: { list: (): Promise<ToolList> => send({ method: "GET", path: "/tools" }) },
    tickets: {
      /** A single-use credential for one socket of one session, good for 30 s. */
      create: (sessionId: string): Promise<Ticket> =>
        send({ method: "POST", path: "/tickets", body: { session_id: sessionId } }),
    },
  };
}

async function findEnd({ logs }: Resources, executionId: string): Promise<ExecutionEnd | undefined> {
  let query: PageQuery | undefined = { limit: 200 };
  while (query !== undefined) {
    const page: LogPage = await logs.ofExecution(executionId, query);
    for (const entry of page.data) {
      const { event } = readServerEvent(JSON.stringify(entry)) ?? {};
      if (event !== undefined && isExecutionEnd(event)) return event;
    }
    query = page.next_cursor === null ? undefined : { limit: 200, cursor: page.next_cursor };
  }
  return undefined;
}

function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
