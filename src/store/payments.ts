import { type Selectable, sql } from "kysely";
import type { PaymentTerms, ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { ContentState, PaymentState } from "../protocol/payment-info.ts";
import { onlyEpoch, type SpendKey } from "./spends.ts";
import { type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

type Columns = Tables["payments"];

// As literals: SQLite uses a partial index only where the query's text names what the index is limited to.
const quoted = sql.lit<PaymentState>("quoted");
const unknown = sql.lit<PaymentState>("unknown");
const missing = sql.lit<ContentState>("missing");
/** The states of a payment that has no end yet and for which money is set aside. */
export const open = [
  ...(["reserved", "signed", "sent"] as const).map((state) => sql.lit<PaymentState>(state)),
  unknown,
];

export interface PaymentRow extends SpendKey {
  readonly id: string;
  readonly sessionId: string;
  readonly toolName: string;
  /** Whom the money is for, as people know them. */
  readonly payee: string;
  readonly repeats: string | undefined;
  readonly requestHash: string;
  readonly state: PaymentState;
  readonly terms: PaymentTerms;
  readonly signed: SignedPayment | undefined;
  readonly txHash: string | undefined;
  readonly block: string | undefined;
  readonly content: ServiceResponse | undefined;
  readonly contentState: ContentState | undefined;
  readonly quotedAt: string;
  readonly reservedAt: string | undefined;
  readonly signedAt: string | undefined;
  readonly sentAt: string | undefined;
  readonly unknownAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly contentAt: string | undefined;
}

export function paymentRow(row: Selectable<Columns>): PaymentRow {
  return {
    executionId: row.execution_id,
    toolId: row.tool_id,
    id: row.id,
    sessionId: row.session_id,
    toolName: row.tool_name,
    payee: row.payee,
    repeats: row.repeats ?? undefined,
    requestHash: row.request_hash,
    state: row.state,
    // These columns hold what the functions below were given.
    terms: JSON.parse(row.terms) as PaymentTerms,
    signed: row.signed === null ? undefined : (JSON.parse(row.signed) as SignedPayment),
    txHash: row.tx_hash ?? undefined,
    block: row.block ?? undefined,
    content: row.content === null ? undefined : (JSON.parse(row.content) as ServiceResponse),
    contentState: row.content_state ?? undefined,
    quotedAt: row.quoted_at,
    reservedAt: row.reserved_at ?? undefined,
    signedAt: row.signed_at ?? undefined,
    sentAt: row.sent_at ?? undefined,
    unknownAt: row.unknown_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    contentAt: row.content_at ?? undefined,
  };
}

/** Whether a signature for it is out in the world, or may be, and nothing has come of it yet. */
export function isOut({ state }: Pick<PaymentRow, "state">): boolean {
  return state === "signed" || state === "sent" || state === "unknown";
}

const selectOne = statement<SpendKey, Selectable<Columns>>((db, param) =>
  db
    .selectFrom("payments")
    .selectAll()
    .where("execution_id", "=", param("executionId"))
    .where("tool_id", "=", param("toolId"))
    .where("epoch", "=", sql.lit(onlyEpoch)),
);

export async function findPayment(db: Database, key: SpendKey): Promise<PaymentRow | undefined> {
  const [row] = await selectOne(db, key);
  return row && paymentRow(row);
}

/** What a payment is for, before anything was signed. */
export interface PaymentQuote extends SpendKey {
  readonly id: string;
  readonly sessionId: string;
  readonly toolName: string;
  readonly payee: string;
  readonly repeats: string | undefined;
  readonly requestHash: string;
  readonly terms: PaymentTerms;
}

/**
 * Records a quote, of which nothing is signed, as waiting for a decision or as about to be paid. A quote
 * of the same call that was recorded before gives way to it.
 */
export async function recordQuote(
  tx: Database,
  quote: PaymentQuote,
  state: "quoted" | "reserved",
  at: string,
): Promise<void> {
  const values = {
    tool_name: quote.toolName,
    payee: quote.payee,
    pay_to: quote.terms.payTo.toLowerCase(),
    repeats: quote.repeats ?? null,
    request_hash: quote.requestHash,
    state,
    terms: JSON.stringify(quote.terms),
    reserved_at: state === "reserved" ? at : null,
    due_at: at,
  };
  await tx
    .insertInto("payments")
    .values({
      execution_id: quote.executionId,
      tool_id: quote.toolId,
      epoch: onlyEpoch,
      id: quote.id,
      session_id: quote.sessionId,
      quoted_at: at,
      ...values,
    })
    .onConflict((conflict) =>
      conflict.columns(["execution_id", "tool_id", "epoch"]).doUpdateSet(values).where("payments.state", "=", quoted),
    )
    .execute();
}

/** How a payment goes on. `sent` stands for both when it is signed and sent in one go. */
export type PaymentStep =
  | { readonly state: "signed" | "sent"; readonly signed: SignedPayment }
  | { readonly state: "unknown" }
  | { readonly state: "settled"; readonly txHash: string; readonly block: string }
  | { readonly state: "cancelled" | "expired" };

/** Moves a payment on; an ended one is never moved again. */
export async function updatePayment(tx: Database, key: SpendKey, step: PaymentStep, at: string): Promise<void> {
  const firstAt = (column: "signed_at" | "sent_at" | "unknown_at") => sql<string>`coalesce(${sql.ref(column)}, ${at})`;
  const change = () => {
    switch (step.state) {
      case "signed":
        return { signed: JSON.stringify(step.signed), signed_at: firstAt("signed_at") };
      case "sent":
        return {
          signed: JSON.stringify(step.signed),
          signed_at: firstAt("signed_at"),
          sent_at: firstAt("sent_at"),
        };
      case "unknown":
        return { unknown_at: firstAt("unknown_at") };
      case "settled":
        return { tx_hash: step.txHash, block: step.block, ended_at: at };
      case "cancelled":
      case "expired":
        return { ended_at: at };
    }
  };
  await tx
    .updateTable("payments")
    .set({ state: step.state, due_at: at, ...change() })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", onlyEpoch)
    .where("state", "in", [quoted, ...open])
    .execute();
}

/** Records whether what was paid for came; what came once is never taken back. */
export async function updateContent(
  tx: Database,
  key: SpendKey,
  { content, isDelivered, at }: { content: ServiceResponse | undefined; isDelivered: boolean; at: string },
): Promise<void> {
  await tx
    .updateTable("payments")
    .set({
      content_state: isDelivered ? "delivered" : "missing",
      content_at: at,
      ...(content === undefined ? {} : { content: JSON.stringify(content) }),
    })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", onlyEpoch)
    .where(({ eb, or }) => or([eb("content_state", "is", null), eb("content_state", "=", missing)]))
    .execute();
}

/** Ends the quote of a call that does not run. */
export async function dropQuote(tx: Database, key: SpendKey, state: "cancelled" | "expired", at: string) {
  await tx
    .updateTable("payments")
    .set({ state, ended_at: at })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", onlyEpoch)
    .where("state", "=", quoted)
    .execute();
}

const selectDue = statement<{ now: string; limit: number }, Selectable<Columns>>((db, param) =>
  db
    .selectFrom("payments")
    .innerJoin("executions", "executions.id", "payments.execution_id")
    .selectAll("payments")
    .where("payments.state", "in", open)
    .where("payments.due_at", "<=", param("now"))
    .where(({ eb, or }) => or([eb("payments.state", "=", unknown), eb("executions.ended_at", "is not", null)]))
    .orderBy("payments.due_at")
    .limit(param("limit")),
);

/**
 * Payments that are due to be looked at and that no run works on: those whose call has given up, and those
 * of executions that have ended.
 */
export async function duePayments(db: Database, now: string, limit: number): Promise<PaymentRow[]> {
  return (await selectDue(db, { now, limit })).map(paymentRow);
}

/** Puts off the next look at a payment. */
export async function deferPayment(tx: Database, key: SpendKey, until: string): Promise<void> {
  await tx
    .updateTable("payments")
    .set({ due_at: until })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", onlyEpoch)
    .execute();
}

export async function paymentsOfExecution(db: Database, executionId: string): Promise<PaymentRow[]> {
  const rows = await db.selectFrom("payments").selectAll().where("execution_id", "=", executionId).execute();
  return rows.map(paymentRow);
}

const selectUnserved = statement<{ sessionId: string; requestHash: string; toolId: string }, Selectable<Columns>>(
  (db, param) =>
    db
      .selectFrom("payments")
      .selectAll()
      .where("session_id", "=", param("sessionId"))
      .where("request_hash", "=", param("requestHash"))
      .where("tool_id", "!=", param("toolId"))
      .where(({ eb, or }) => or([eb("state", "=", unknown), eb("content_state", "=", missing)]))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("payments as later")
              .select("later.id")
              .whereRef("later.session_id", "=", "payments.session_id")
              .whereRef("later.repeats", "=", "payments.id")
              .where("later.content_state", "=", sql.lit<ContentState>("delivered")),
          ),
        ),
      )
      .orderBy("quoted_at", "desc")
      .orderBy("id", "desc")
      .limit(sql.lit(1)),
);

/**
 * The newest payment of a session for this request, other than the call's own, that brought nothing: settled
 * without content, or given up without knowing whether it settled. One that was paid for again, with success,
 * is done with.
 */
export async function findUnserved(
  db: Database,
  about: { sessionId: string; requestHash: string; toolId: string },
): Promise<PaymentRow | undefined> {
  const [row] = await selectUnserved(db, about);
  return row && paymentRow(row);
}
