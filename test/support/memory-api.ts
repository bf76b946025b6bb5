import { PaygentError } from "../../src/protocol/errors.ts";
import type { Session } from "../../src/protocol/resources.ts";
import { SessionConfig } from "../../src/protocol/session-config.ts";
import { unauthenticated } from "../../src/runtime/access.ts";
import type { Identity } from "../../src/server/auth.ts";
import type { Api, Frame, Idempotency } from "../../src/server/http/api.ts";
import type { KeptReply } from "../../src/store/idempotency-keys.ts";

const budget = { limit: "50.00", spent: "0.00", reserved: "0.00", remaining: "50.00" };

/** What stands behind the HTTP routes in their tests: sessions and events in memory, and nothing that spends. */
export class MemoryApi implements Api {
  readonly #sessions = new Map<string, { session: Session; owner: string; events: { seq: number; text: string }[] }>();
  readonly #listeners = new Set<(frame: Frame) => void>();
  readonly tickets = new Map<string, { sessionId: string; identity: Identity }>();
  /** Makes the next read of a wallet fail in this way. */
  failure: unknown = new PaygentError("unavailable", "The chain does not answer; try again.");
  /** Bodies that decisions were made with. */
  readonly decisions: unknown[] = [];
  firstSeq = 1;

  emit(sessionId: string, text: string, isDurable = true): void {
    const events = this.#sessions.get(sessionId)?.events ?? [];
    const seq = isDurable ? events.length + 1 : undefined;
    const frame = { seq, text: text.replace("SEQ", String(seq)) };
    if (seq !== undefined) events.push({ seq, text: frame.text });
    for (const listener of this.#listeners) listener(frame);
  }

  /** Writes a durable event without telling anybody, as when a hint is lost. */
  emitUnheard(sessionId: string, text: string): void {
    const events = this.#sessions.get(sessionId)?.events ?? [];
    events.push({ seq: events.length + 1, text: text.replace("SEQ", String(events.length + 1)) });
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  #own(identity: Identity, id: string) {
    const entry = this.#sessions.get(id);
    if (entry?.owner !== identity.userId) throw new PaygentError("not_found", `Session ${id} is not there.`);
    return entry;
  }

  createSession: Api["createSession"] = async (identity, body) => {
    const session: Session = {
      id: crypto.randomUUID(),
      title: body.title ?? null,
      status: "active",
      config: SessionConfig.parse(body.config),
      policy_version: 1,
      last_seq: 0,
      budget,
      created_at: new Date(Date.UTC(2026, 0, 1) + this.#sessions.size).toISOString(),
    };
    this.#sessions.set(session.id, { session, owner: identity.userId, events: [] });
    return session;
  };

  listSessions: Api["listSessions"] = async (identity, { before, limit }) =>
    [...this.#sessions.values()]
      .filter(({ owner, session }) => owner === identity.userId && (!before || session.created_at < before.at))
      .map(({ session }) => session)
      .reverse()
      .slice(0, limit);

  getSession: Api["getSession"] = async (identity, id) => this.#own(identity, id).session;
  patchSession: Api["patchSession"] = async (identity, id) => this.#own(identity, id).session;
  deleteSession: Api["deleteSession"] = async (identity, id) => {
    this.#own(identity, id);
  };

  execute: Api["execute"] = async (identity, sessionId, body) => {
    this.#own(identity, sessionId);
    const execution = {
      execution_id: body.execution_id ?? crypto.randomUUID(),
      session_id: sessionId,
      command: body.command,
      status: "queued" as const,
      created_at: "2026-01-01T00:00:00.000Z",
      total_cost_usd: "0.00",
    };
    return { execution, isNew: true };
  };
  listExecutions: Api["listExecutions"] = async () => [];
  getExecution: Api["getExecution"] = async (_identity, id) => {
    throw new PaygentError("not_found", `Execution ${id} is not there.`);
  };
  cancel: Api["cancel"] = async (_identity, id) => {
    throw new PaygentError("not_found", `Execution ${id} is not there.`);
  };

  listApprovals: Api["listApprovals"] = async () => [];
  getApproval: Api["getApproval"] = async (_identity, id) => {
    throw new PaygentError("not_found", `Approval ${id} is not there.`);
  };
  simulate: Api["simulate"] = async (_identity, { session_id }) => {
    throw new PaygentError("not_found", `Session ${session_id} is not there.`);
  };
  listFreezes: Api["listFreezes"] = async () => [];
  freeze: Api["freeze"] = async (_identity, { scope }) => {
    throw new PaygentError("forbidden", `A freeze of ${scope} is not for you.`);
  };
  unfreeze: Api["unfreeze"] = async () => undefined;
  revokeTokens: Api["revokeTokens"] = async () => {
    throw new PaygentError("forbidden", "Nobody is revoked here.");
  };
  /** Ends the streams, as when their token was revoked. */
  readonly revocations = new Set<() => void>();
  onRevoked: Api["onRevoked"] = (_identity, end) => {
    this.revocations.add(end);
    return () => {
      this.revocations.delete(end);
    };
  };
  decide: Api["decide"] = async (_identity, decision) => {
    this.decisions.push(decision);
    throw new PaygentError("already_decided", "Bob approved this at 12:04.", { details: { decided_by: "bob" } });
  };

  readEvents: Api["readEvents"] = async (identity, sessionId, afterSeq, limit) => {
    const { events } = this.#own(identity, sessionId);
    const slice = events.filter(({ seq }) => seq > afterSeq && seq >= this.firstSeq).slice(0, limit);
    return { events: slice, firstSeq: this.firstSeq, lastSeq: events.length };
  };
  subscribe: Api["subscribe"] = (_sessionId, listener) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readLog: Api["readLog"] = async (identity, { sessionId, afterSeq, limit }) => {
    const { events } = this.#own(identity, sessionId);
    const lines = events
      .filter(({ seq }) => seq > afterSeq)
      .slice(0, limit)
      .map((event) => ({ ...event, hash: `hash-of-${event.seq}` }));
    return { lines, archived: undefined };
  };
  readExecutionLog: Api["readExecutionLog"] = async () => ({ lines: [], archived: undefined });
  summarizeLog: Api["summarizeLog"] = async (_identity, id) => {
    throw new PaygentError("not_found", `Session ${id} is not there.`);
  };

  getWallet: Api["getWallet"] = async () => {
    throw this.failure;
  };
  listPayments: Api["listPayments"] = async () => [];
  totalPayments: Api["totalPayments"] = async (_identity, { by }) => ({ by, data: [] });
  getPayment: Api["getPayment"] = async () => {
    throw this.failure;
  };
  readStatement: Api["readStatement"] = async () => {
    throw this.failure;
  };
  listServices: Api["listServices"] = async () => [];
  listTools: Api["listTools"] = async () => ({ data: [], next_cursor: null, model: "rules" });
  listSpendRules: Api["listSpendRules"] = async () => [];
  revokeSpendRule: Api["revokeSpendRule"] = async () => undefined;

  createTicket: Api["createTicket"] = async (identity, sessionId) => {
    this.#own(identity, sessionId);
    const ticket = `ticket_${crypto.randomUUID()}`;
    this.tickets.set(ticket, { sessionId, identity });
    return { ticket, session_id: sessionId, expires_at: "2026-01-01T00:00:30.000Z" };
  };
  redeemTicket: Api["redeemTicket"] = async (ticket, sessionId) => {
    const found = this.tickets.get(ticket);
    this.tickets.delete(ticket);
    if (found?.sessionId !== sessionId) throw unauthenticated("no such ticket");
    return found.identity;
  };

  checkReady: Api["checkReady"] = async () => ({ status: "unavailable", checks: { store: "failed" } });
}

/** Idempotency keys in memory. */
export function memoryIdempotency(): Idempotency {
  const replies = new Map<string, { hash: string; reply: KeptReply }>();
  return {
    async run({ userId, key, requestHash }, work) {
      const known = replies.get(`${userId} ${key}`);
      if (known === undefined) {
        const reply = await work();
        replies.set(`${userId} ${key}`, { hash: requestHash, reply });
        return reply;
      }
      if (known.hash !== requestHash) throw new PaygentError("conflict", "The key was used for another request.");
      return known.reply;
    },
  };
}
