import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import { formatUsd } from "../protocol/money.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import { isMember, notFound, requireOwner, sessionFor } from "../runtime/access.ts";
import { toolNamed } from "../runtime/admit.ts";
import { approve } from "../runtime/approve.ts";
import { cancel } from "../runtime/cancel.ts";
import { isoTime } from "../runtime/clock.ts";
import { edit } from "../runtime/edit.ts";
import { execute } from "../runtime/execute.ts";
import { reject } from "../runtime/reject.ts";
import { commitCommand, type Runtime } from "../runtime/runtime.ts";
import { toolSpecs } from "../runtime/tool-specs.ts";
import type { Catalogue } from "../runtime/wallet.ts";
import { findApproval, listApprovals } from "../store/approvals.ts";
import { genesisHash, readEvents, type StoredEvent } from "../store/event-log.ts";
import { type ExecutionRow, findExecution, listExecutions, openExecutions } from "../store/executions.ts";
import { countEvents, readLog } from "../store/log-queries.ts";
import { findSession, insertSession, listSessions, updateSession } from "../store/sessions.ts";
import { findSpendRule, listSpendRules, revokeSpendRule } from "../store/spend-rules.ts";
import { insertTicket, takeTicket } from "../store/tickets.ts";
import { type Identity, unauthenticated } from "./auth.ts";
import type { Api, DecisionMessage } from "./http/api.ts";
import { newTicket, TICKET_LIFETIME_MS, ticketHash } from "./ticket.ts";
import { approvalView, executionView, sessionView, spendRuleView } from "./views.ts";

interface ApiParts {
  readonly runtime: Runtime;
  readonly catalogue: Catalogue;
  /** Called when a session was terminated, so that its sockets can be closed. */
  readonly onTerminated: (sessionId: string) => void;
}

/** What the HTTP routes call, on the store and the runtime. */
export function createApi({ runtime, catalogue, onTerminated }: ApiParts): Api {
  const { store, clock, wallet, bus } = runtime;
  const { db } = store;

  const executionFor = async (identity: Identity, id: string): Promise<ExecutionRow> => {
    const execution = await findExecution(db, id);
    const session = execution && (await findSession(db, execution.sessionId));
    if (execution === undefined || session === undefined || !isMember(session, identity)) throw notFound("execution");
    return execution;
  };

  return {
    async createSession(identity, { title, config }) {
      checkConfig(runtime, config);
      const id = randomUUID();
      const session = {
        id,
        userId: identity.userId,
        title,
        config,
        headHash: genesisHash(id),
        at: isoTime(clock.now()),
      };
      return sessionView(await store.write((tx) => insertSession(tx, session)));
    },

    async listSessions(identity, slice) {
      return (await listSessions(db, identity.userId, slice)).map(sessionView);
    },

    async getSession(identity, sessionId) {
      return sessionView(await sessionFor(db, identity, sessionId));
    },

    async patchSession(identity, sessionId, { title, config }) {
      requireOwner(await sessionFor(db, identity, sessionId), identity, "approve");
      await commitCommand(runtime, { sessionId }, async (unit) => {
        const merged: SessionConfig = { ...unit.session.config, ...config };
        checkConfig(runtime, merged);
        await updateSession(unit.tx, sessionId, { ...(title === undefined ? {} : { title }), config: merged });
      });
      return sessionView(await sessionFor(db, identity, sessionId));
    },

    async deleteSession(identity, sessionId) {
      requireOwner(await sessionFor(db, identity, sessionId), identity, "execute");
      await commitCommand(runtime, { sessionId }, (unit) =>
        updateSession(unit.tx, sessionId, { status: "terminated" }),
      );
      for (const { id } of await openExecutions(db, sessionId)) {
        const input = { execution_id: id, reason: "The session was terminated." };
        await cancel(runtime, identity, { input }).catch(ignoreEnded);
      }
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

    async decide(identity, message) {
      await decide(runtime, identity, message);
      const decided = await findApproval(db, message.data.request_id);
      if (decided === undefined) throw notFound("approval");
      return approvalView(decided);
    },

    async readEvents(identity, sessionId, afterSeq, limit) {
      const { firstSeq, lastSeq } = await sessionFor(db, identity, sessionId);
      return { events: await readEvents(db, sessionId, afterSeq, limit), firstSeq, lastSeq };
    },

    subscribe: (sessionId, listener) =>
      bus.subscribe(sessionId, {
        onEvents: (events: readonly StoredEvent[]) => {
          for (const event of events) listener(event);
        },
        onDelta: (text) => listener({ seq: undefined, text }),
      }),

    async readLog(identity, filter) {
      await sessionFor(db, identity, filter.sessionId);
      return readLog(db, filter);
    },

    async readExecutionLog(identity, executionId, { afterSeq, limit }) {
      const { sessionId } = await executionFor(identity, executionId);
      const all = { type: undefined, from: undefined, to: undefined };
      return readLog(db, { ...all, sessionId, executionId, afterSeq, limit });
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

    async listServices() {
      return catalogue.list();
    },

    async listTools() {
      const { tools } = runtime;
      return toolSpecs(tools).map(({ name, description, inputSchema }) => ({
        name,
        description,
        effect: toolNamed(tools, name).effect,
        args_schema: { ...inputSchema },
      }));
    },

    async listSpendRules(identity, sessionId) {
      await sessionFor(db, identity, sessionId);
      return (await listSpendRules(db, sessionId)).map(spendRuleView);
    },

    async revokeSpendRule(identity, ruleId) {
      const rule = await findSpendRule(db, ruleId);
      const session = rule && (await findSession(db, rule.sessionId));
      if (session === undefined || !isMember(session, identity)) throw notFound("spend rule");
      requireOwner(session, identity, "approve");
      await store.write((tx) => revokeSpendRule(tx, ruleId, isoTime(clock.now())));
    },

    async createTicket(identity, sessionId) {
      await sessionFor(db, identity, sessionId);
      const { ticket, hash } = newTicket();
      const expiresAt = isoTime(clock.now() + TICKET_LIFETIME_MS);
      await store.write((tx) => insertTicket(tx, { hash, identity, sessionId, expiresAt }));
      return { ticket, session_id: sessionId, expires_at: expiresAt };
    },

    async redeemTicket(ticket, sessionId) {
      const hash = ticketHash(ticket);
      const taken = await store.write((tx) => takeTicket(tx, hash));
      const now = clock.now();
      if (taken === undefined || taken.sessionId !== sessionId || taken.expiresAt <= isoTime(now)) {
        throw unauthenticated("the ticket is unknown, used, expired or of another session");
      }
      const { expiresAt } = taken.identity;
      if (expiresAt !== undefined && expiresAt <= now) throw unauthenticated("the ticket outlived its token");
      return taken.identity as Identity;
    },

    async checkReady() {
      try {
        await findSession(db, randomUUID());
        return { status: "ok", checks: { database: "ok" } };
      } catch {
        return { status: "unavailable", checks: { database: "failed" } };
      }
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

/** Refuses settings that this server could not keep to. */
function checkConfig(runtime: Runtime, config: SessionConfig): void {
  if (config.quorum.length > 0) {
    const sentence =
      '"quorum" is not enforced by this version yet, so it is refused rather than ignored. Leave it out.';
    throw new PaygentError("invalid_message", sentence);
  }
  for (const name of Object.keys(config.tools)) {
    if (runtime.tools.has(name)) continue;
    const known = [...runtime.tools.keys()].join(", ");
    throw new PaygentError("invalid_message", `"config.tools" names an unknown tool. The tools are ${known}.`);
  }
  try {
    runtime.modelFor(config);
  } catch (error) {
    if (!(error instanceof PaygentError)) throw error;
    throw new PaygentError("invalid_message", `"config.model": ${error.message}`);
  }
}

function ignoreEnded(error: unknown): void {
  if (error instanceof PaygentError && error.code === "execution_ended") return;
  throw error;
}
