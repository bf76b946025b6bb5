import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import { formatUsd } from "../protocol/money.ts";
import { notFound, requireMember, requireOwner, sessionFor, unauthenticated } from "../runtime/access.ts";
import { approve } from "../runtime/approve.ts";
import { cancel } from "../runtime/cancel.ts";
import { toolNamed } from "../runtime/checked-call.ts";
import { isoTime } from "../runtime/clock.ts";
import { checkConfig, configure } from "../runtime/configure.ts";
import { edit } from "../runtime/edit.ts";
import { execute } from "../runtime/execute.ts";
import { freeze, unfreeze } from "../runtime/freeze.ts";
import { reject } from "../runtime/reject.ts";
import { refuseRevoked, revoke, writeFor } from "../runtime/revoke.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { simulate } from "../runtime/simulate.ts";
import { terminate } from "../runtime/terminate.ts";
import { toolSpecs } from "../runtime/tool-specs.ts";
import type { Catalogue } from "../runtime/wallet.ts";
import { votesOf } from "../store/approval-votes.ts";
import { findApproval, listApprovals } from "../store/approvals.ts";
import { genesisHash, readEvents, type StoredEvent } from "../store/event-log.ts";
import { type ExecutionRow, findExecution, listExecutions } from "../store/executions.ts";
import { freezesOfUser } from "../store/freezes.ts";
import { countEvents, readLog } from "../store/log-queries.ts";
import { findPaymentById, listPayments, paymentsOfPeriod } from "../store/payment-queries.ts";
import { sumPayments } from "../store/payment-totals.ts";
import { findSession, insertSession, listSessions, sessionsById } from "../store/sessions.ts";
import { findSpendRule, listSpendRules, revokeSpendRule } from "../store/spend-rules.ts";
import { insertTicket, takeTicket } from "../store/tickets.ts";
import type { Identity } from "./auth.ts";
import type { Api, DecisionMessage } from "./http/api.ts";
import { paymentTotalsView } from "./payment-totals-view.ts";
import { paymentDetailView, paymentView, statementView } from "./payment-views.ts";
import { readyCheck } from "./ready-check.ts";
import type { RevocationWatch } from "./revocation-watch.ts";
import { newTicket, ticketHash, ticketLifetimeMs } from "./ticket.ts";
import {
  approvalRecordView,
  approvalView,
  archivedView,
  executionView,
  freezeView,
  revocationView,
  sessionView,
  spendRuleView,
} from "./views.ts";

const maxStatementLines = 10_000;
const maxSums = 10_000;
const readyTimeoutMs = 2000;

interface ApiParts {
  readonly runtime: Runtime;
  readonly catalogue: Catalogue;
  /** Called when a session was terminated, so that its sockets can be closed. */
  readonly onTerminated: (sessionId: string) => void;
  readonly revocations: RevocationWatch;
}

/** What the HTTP routes call, on the store and the runtime. */
export function createApi({ runtime, catalogue, onTerminated, revocations }: ApiParts): Api {
  const { store, clock, wallet, bus, log } = runtime;
  const { db } = store;

  const executionFor = async (identity: Identity, id: string): Promise<ExecutionRow> => {
    const { row } = await requireMember(db, identity, await findExecution(db, id), "execution");
    return row;
  };

  const checkDatabase = readyCheck("database", log, {
    timeoutMs: readyTimeoutMs,
    attempt: () => findSession(db, randomUUID()),
  });
  const checkChain = readyCheck("chain", log, {
    timeoutMs: readyTimeoutMs,
    attempt: () => wallet.balance(AbortSignal.timeout(readyTimeoutMs)),
  });

  return {
    async createSession(identity, { title, config }) {
      checkConfig(runtime, config, identity.userId);
      const id = randomUUID();
      const session = {
        id,
        userId: identity.userId,
        title,
        config,
        headHash: genesisHash(id),
        at: isoTime(clock.now()),
      };
      return sessionView(await writeFor(store, identity, (tx) => insertSession(tx, session)));
    },

    async listSessions(identity, slice) {
      return (await listSessions(db, identity.userId, slice)).map(sessionView);
    },

    async getSession(identity, sessionId) {
      return sessionView(await sessionFor(db, identity, sessionId));
    },

    async patchSession(identity, sessionId, change) {
      await configure(runtime, identity, { sessionId, ...change });
      return sessionView(await sessionFor(db, identity, sessionId));
    },

    async deleteSession(identity, sessionId) {
      await terminate(runtime, identity, sessionId);
      onTerminated(sessionId);
    },

    async execute(identity, sessionId, body) {
      const { execution, isDuplicate } = await execute(runtime, identity, { sessionId, input: body });
      return { execution: executionView(execution), isNew: !isDuplicate };
    },

    async listExecutions(identity, sessionId, slice) {
      await sessionFor(db, identity, sessionId);
      return (await listExecutions(db, sessionId, slice)).map(executionView);
    },

    async getExecution(identity, executionId) {
      return executionView(await executionFor(identity, executionId));
    },

    async cancel(identity, executionId, body) {
      await cancel(runtime, identity, { input: { execution_id: executionId, ...body } });
      return executionView(await executionFor(identity, executionId));
    },

    async listApprovals(identity, { status, before, limit }) {
      return (await listApprovals(db, identity.userId, { status, before, limit })).map(approvalView);
    },

    async getApproval(identity, requestId) {
      const { row } = await requireMember(db, identity, await findApproval(db, requestId), "approval");
      return approvalRecordView(row, await votesOf(db, requestId));
    },

    async decide(identity, message) {
      await decide(runtime, identity, message);
      const decided = await findApproval(db, message.data.request_id);
      if (decided === undefined) throw notFound("approval");
      return approvalView(decided);
    },

    async readEvents(identity, sessionId, afterSeq, limit) {
      const { lastSeq } = await sessionFor(db, identity, sessionId);
      const events = await readEvents(db, sessionId, afterSeq, limit);
      // Read last: what is archived meanwhile is then either in the answer or said to be gone.
      const session = await sessionFor(db, identity, sessionId);
      return { events, firstSeq: session.firstSeq, lastSeq, archived: archivedView(session, afterSeq) };
    },

    subscribe: (sessionId, listener, lastSeq) => {
      const onEvents = (events: readonly StoredEvent[]) => {
        for (const event of events) listener(event);
      };
      return bus.subscribe(sessionId, { onEvents, onDelta: (text) => listener({ seq: undefined, text }) }, lastSeq);
    },

    async readLog(identity, filter) {
      await sessionFor(db, identity, filter.sessionId);
      const lines = await readLog(db, filter);
      const session = await sessionFor(db, identity, filter.sessionId);
      return { lines, archived: archivedView(session, filter.afterSeq) };
    },

    async readExecutionLog(identity, executionId, { afterSeq, limit }) {
      const { sessionId, firstSeq } = await executionFor(identity, executionId);
      const all = { type: undefined, from: undefined, to: undefined };
      const lines = await readLog(db, { ...all, sessionId, executionId, afterSeq, limit });
      const session = await sessionFor(db, identity, sessionId);
      const isCut = firstSeq < session.firstSeq;
      return { lines, archived: isCut ? archivedView(session, afterSeq) : undefined };
    },

    async summarizeLog(identity, sessionId) {
      const session = await sessionFor(db, identity, sessionId);
      const { events, firstAt, lastAt } = await countEvents(db, sessionId);
      return {
        session_id: sessionId,
        events,
        executions: events.execution_started ?? 0,
        tool_calls: events.tool_call ?? 0,
        total_cost_usd: formatUsd(session.spentMicros),
        duration_ms: firstAt === undefined ? 0 : Date.parse(lastAt) - Date.parse(firstAt),
      };
    },

    async getWallet() {
      return wallet.balance();
    },

    async listPayments(identity, filter) {
      return (await listPayments(db, identity.userId, filter)).map(paymentView);
    },

    async totalPayments(identity, { by, ...filter }) {
      const sums = await sumPayments(db, identity.userId, by, filter, maxSums + 1);
      if (sums.length > maxSums) {
        const sentence = `There are more than ${maxSums} sums; ask for a shorter period with "from" and "to", or for one session.`;
        throw new PaygentError("quota_exceeded", sentence);
      }
      const sessions = await sessionsById(db, [...new Set(sums.map(({ sessionId }) => sessionId))]);
      return paymentTotalsView({ by, isOfOneSession: filter.session_id !== undefined }, sums, sessions);
    },

    async getPayment(identity, paymentId) {
      const { row } = await requireMember(db, identity, await findPaymentById(db, paymentId), "payment");
      return paymentDetailView(row);
    },

    async readStatement(identity, period) {
      await sessionFor(db, identity, period.session_id);
      const payments = await paymentsOfPeriod(db, period, maxStatementLines + 1);
      if (payments.length > maxStatementLines) {
        const sentence = `The period has more than ${maxStatementLines} payments; ask for shorter ones with "from" and "to".`;
        throw new PaygentError("quota_exceeded", sentence);
      }
      return statementView(payments, period, isoTime(clock.now()));
    },

    async listServices() {
      return catalogue.list();
    },

    async listTools() {
      const { tools } = runtime;
      const data = toolSpecs(tools).map(({ name, description, inputSchema }) => ({
        name,
        description,
        effect: toolNamed(tools, name).effect,
        args_schema: { ...inputSchema },
      }));
      return { data, next_cursor: null, model: runtime.modelNameOf({}) };
    },

    async listSpendRules(identity, sessionId) {
      await sessionFor(db, identity, sessionId);
      return (await listSpendRules(db, sessionId)).map(spendRuleView);
    },

    async revokeSpendRule(identity, ruleId) {
      const { session } = await requireMember(db, identity, await findSpendRule(db, ruleId), "spend rule");
      requireOwner(session, identity, "approve");
      await writeFor(store, identity, (tx) => revokeSpendRule(tx, ruleId, isoTime(clock.now())));
    },

    simulate: (identity, call) => simulate(runtime, identity, call),

    async listFreezes(identity) {
      return (await freezesOfUser(db, identity.userId)).map(freezeView);
    },

    async freeze(identity, target) {
      return freezeView(await freeze(runtime, identity, target));
    },

    unfreeze: (identity, target) => unfreeze(runtime, identity, target),

    async revokeTokens(identity, target) {
      const row = await revoke(runtime, identity, target);
      revocations.endRevoked([row]);
      return revocationView(row);
    },

    onRevoked: (identity, end) => revocations.add(identity, end),

    async createTicket(identity, sessionId) {
      await sessionFor(db, identity, sessionId);
      const { ticket, hash } = newTicket();
      const expiresAt = isoTime(clock.now() + ticketLifetimeMs);
      await writeFor(store, identity, (tx) => insertTicket(tx, { hash, identity, sessionId, expiresAt }));
      return { ticket, session_id: sessionId, expires_at: expiresAt };
    },

    async redeemTicket(ticket, sessionId) {
      const hash = ticketHash(ticket);
      const taken = await store.write((tx) => takeTicket(tx, hash));
      const now = clock.now();
      if (taken === undefined || taken.sessionId !== sessionId || taken.expiresAt <= isoTime(now)) {
        throw unauthenticated("the ticket is unknown, used, expired or of another session");
      }
      const { identity } = taken;
      const { expiresAt } = identity;
      if (expiresAt !== undefined && expiresAt <= now) throw unauthenticated("the ticket outlived its token");
      await refuseRevoked(db, identity);
      return identity;
    },

    async checkReady() {
      const [database, chain] = await Promise.all([checkDatabase(), checkChain()]);
      const isBusConnected = bus.isConnected();
      const checks = { database, bus: isBusConnected ? "ok" : "failed", chain } as const;
      // Without the chain no money moves, and without hints all is slower; only without the database nothing works.
      return { status: database === "ok" ? "ok" : "unavailable", checks };
    },
  };
}

function decide(runtime: Runtime, identity: Identity, message: DecisionMessage): Promise<void> {
  switch (message.type) {
    case "approve":
      return approve(runtime, identity, { input: message.data });
    case "reject":
      return reject(runtime, identity, { input: message.data });
    case "edit":
      return edit(runtime, identity, { input: message.data });
  }
}
