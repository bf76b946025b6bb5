import { budgetOf } from "../protocol/budget.ts";
import type { DurableEventData, DurableEventType } from "../protocol/events.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import { type ApprovalRow, findApproval } from "./approvals.ts";
import type { Store } from "./database.ts";
import { appendEvents, type EventDraft, type StoredEvent } from "./event-log.ts";
import { type ExecutionRow, executionOfApproval, findExecution, insertExecution, saveExecution } from "./executions.ts";
import { lockSession, type SessionRow, saveSessionHead, updateSession } from "./sessions.ts";
import type { Database } from "./statement.ts";

type Draftable<Type extends DurableEventType> = Omit<DurableEventData[Type], "session_id" | "execution_id">;

/**
 * One transaction on one session: changes and the events that tell of them, committed together. The
 * session's row is held from beginning to end.
 */
export class Unit {
  readonly tx: Database;
  #session: SessionRow;
  /** The time of everything in this unit, as stored. */
  readonly at: string;
  spentMicros: bigint;
  reservedMicros: bigint;
  #execution: ExecutionRow | undefined;
  readonly #approval: ApprovalRow | undefined;
  #isNew = false;
  readonly #drafts: EventDraft[] = [];
  /** What the last `budget` event, or the row, says of the money. */
  #told: { limit: string; spent: bigint; reserved: bigint };

  constructor(
    tx: Database,
    at: string,
    {
      session,
      execution,
      approval,
    }: { session: SessionRow; execution: ExecutionRow | undefined; approval: ApprovalRow | undefined },
  ) {
    this.tx = tx;
    this.at = at;
    this.#session = session;
    this.#approval = approval;
    this.spentMicros = session.spentMicros;
    this.reservedMicros = session.reservedMicros;
    this.#execution = execution;
    this.#told = { limit: session.config.budget_usd, spent: session.spentMicros, reserved: session.reservedMicros };
  }

  /** The session as it was when the unit began, with the settings that hold from here on. */
  get session(): SessionRow {
    return this.#session;
  }

  /** Gives the session other settings; approvals and events name them by the next policy version. */
  async configure(config: SessionConfig): Promise<void> {
    await updateSession(this.tx, this.#session.id, { config });
    this.#session = { ...this.#session, config, policyVersion: this.#session.policyVersion + 1 };
  }

  /** The execution that this unit is about. */
  get execution(): ExecutionRow {
    if (this.#execution === undefined) throw new Error("This unit of work is about no execution.");
    return this.#execution;
  }

  /** The approval that this unit is about, as it was when the unit began. */
  get approval(): ApprovalRow {
    if (this.#approval === undefined) throw new Error("This unit of work is about no approval.");
    return this.#approval;
  }

  /** Makes the unit be about an execution that it brings into being. */
  create(execution: ExecutionRow): void {
    this.#execution = execution;
    this.#isNew = true;
  }

  /** The seq that the next event gets. */
  get nextSeq(): number {
    return this.session.lastSeq + this.#drafts.length + 1;
  }

  /** Adds an event about the unit's execution. */
  append<Type extends DurableEventType>(type: Type, data: Draftable<Type>, ref?: string): void {
    const { execution } = this;
    execution.lastSeq = this.nextSeq;
    this.#draft(execution.id, type, { session_id: this.session.id, execution_id: execution.id, ...data }, ref);
  }

  /** Adds an event about the session as a whole. */
  appendToSession<Type extends DurableEventType>(type: Type, data: Omit<DurableEventData[Type], "session_id">): void {
    this.#draft(null, type, { session_id: this.session.id, ...data });
  }

  /** Adds a `budget` event if the money moved, or its limit, since the last; `save` does so too, but nothing may follow a terminal event. */
  tellBudget(): void {
    const { spentMicros, reservedMicros } = this;
    const limit = this.session.config.budget_usd;
    const { spent, reserved, limit: toldLimit } = this.#told;
    if (spentMicros === spent && reservedMicros === reserved && limit === toldLimit) return;
    this.#told = { limit, spent: spentMicros, reserved: reservedMicros };
    const budget = budgetOf(this.session.config, spentMicros, reservedMicros);
    if (this.#execution?.endedAt === null) this.append("budget", budget);
    else this.appendToSession("budget", budget);
  }

  #draft(executionId: string | null, type: DurableEventType, data: object, ref?: string): void {
    this.#drafts.push({ executionId, type, data: JSON.stringify(data), at: this.at, ref: ref ?? null });
  }

  async save(): Promise<StoredEvent[]> {
    const { session, tx } = this;
    this.tellBudget();
    if (this.#execution !== undefined) await (this.#isNew ? insertExecution : saveExecution)(tx, this.#execution);
    if (this.#drafts.length === 0) return [];
    const head = { seq: session.lastSeq, hash: session.headHash };
    const events = await appendEvents(tx, session.id, head, this.#drafts);
    const last = events.at(-1);
    await saveSessionHead(tx, {
      id: session.id,
      lastSeq: last?.seq ?? session.lastSeq,
      headHash: last?.hash ?? session.headHash,
      spentMicros: this.spentMicros,
      reservedMicros: this.reservedMicros,
    });
    return events;
  }
}

/**
 * Runs `work` as one unit on a session (and one of its executions, which may be named by one of its approvals)
 * and gives what it returned together with the events that are now in the log. `undefined` when there is no such
 * session, execution or approval.
 */
export function commitUnit<T>(
  store: Store,
  key: {
    sessionId: string;
    executionId?: string;
    approvalId?: string;
    at: string;
    /** Throws when the unit must not be: it reads, and costs no way to the database of its own. */
    check?: ((tx: Database) => Promise<void>) | undefined;
  },
  work: (unit: Unit) => Promise<T>,
): Promise<{ value: T; events: StoredEvent[] } | undefined> {
  const { sessionId, executionId, approvalId } = key;
  const unitOfWork = async (tx: Database) => {
    // Sent in this order, and all before an answer is awaited: what comes second is read under the lock.
    const [session, execution, approval] = await Promise.all([
      lockSession(tx, sessionId),
      executionFor(tx, { executionId, approvalId }),
      approvalId === undefined ? undefined : findApproval(tx, approvalId),
      key.check?.(tx),
    ]);
    if (session === undefined) return undefined;
    const isOfExecution = executionId !== undefined || approvalId !== undefined;
    if (isOfExecution && execution?.sessionId !== session.id) return undefined;
    const unit = new Unit(tx, key.at, { session, execution, approval });
    const value = await work(unit);
    return { value, events: await unit.save() };
  };
  return store.write(unitOfWork, { sessionId });
}

async function executionFor(
  tx: Database,
  { executionId, approvalId }: { executionId: string | undefined; approvalId: string | undefined },
): Promise<ExecutionRow | undefined> {
  if (approvalId !== undefined) return executionOfApproval(tx, approvalId);
  return executionId === undefined ? undefined : findExecution(tx, executionId);
}
