import { type Selectable, sql } from "kysely";
import type { PaymentTerms, ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { SpendKey } from "./spends.ts";
import type { Database } from "./statement.ts";
import type { Tables } from "./tables.ts";

export type PaymentState = Tables["payments"]["state"];

// As literals: SQLite uses a partial index only where the query's text names what the index is limited to.
const open = [sql.lit<PaymentState>("reserved"), sql.lit<PaymentState>("signed")];

export interface PaymentRow extends SpendKey {
  readonly sessionId: string;
  readonly state: PaymentState;
  readonly terms: PaymentTerms;
  readonly signed: SignedPayment | undefined;
  readonly txHash: string | undefined;
  readonly content: ServiceResponse | undefined;
}

function paymentRow(row: Selectable<Tables["payments"]>): PaymentRow {
  return {
    executionId: row.execution_id,
    toolId: row.tool_id,
    epoch: row.epoch,
    sessionId: row.session_id,
    state: row.state,
    // These columns hold what the functions below were given.
    terms: JSON.parse(row.terms) as PaymentTerms,
    signed: row.signed === null ? undefined : (JSON.parse(row.signed) as SignedPayment),
    txHash: row.tx_hash ?? undefined,
    content: row.content === null ? undefined : (JSON.parse(row.content) as ServiceResponse),
  };
}

export async function findPayment(db: Database, key: SpendKey): Promise<PaymentRow | undefined> {
  const row = await db
    .selectFrom("payments")
    .selectAll()
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", key.epoch)
    .executeTakeFirst();
  return row && paymentRow(row);
}

export async function insertPayment(
  tx: Database,
  payment: SpendKey & { sessionId: string; terms: PaymentTerms; at: string },
): Promise<void> {
  await tx
    .insertInto("payments")
    .values({
      execution_id: payment.executionId,
      tool_id: payment.toolId,
      epoch: payment.epoch,
      session_id: payment.sessionId,
      state: "reserved",
      terms: JSON.stringify(payment.terms),
      created_at: payment.at,
      updated_at: payment.at,
    })
    .execute();
}

/** Moves a payment on; an ended one is never moved again. */
export async function updatePayment(
  tx: Database,
  key: SpendKey,
  change: {
    state: PaymentState;
    signed?: SignedPayment;
    txHash?: string;
    content?: ServiceResponse | undefined;
    at: string;
  },
): Promise<void> {
  await tx
    .updateTable("payments")
    .set({
      state: change.state,
      updated_at: change.at,
      ...(change.signed === undefined ? {} : { signed: JSON.stringify(change.signed) }),
      ...(change.txHash === undefined ? {} : { tx_hash: change.txHash }),
      ...(change.content === undefined ? {} : { content: JSON.stringify(change.content) }),
    })
    .where("execution_id", "=", key.executionId)
    .where("tool_id", "=", key.toolId)
    .where("epoch", "=", key.epoch)
    .where("state", "in", open)
    .execute();
}

/** Payments that have no end yet. */
export async function openPayments(db: Database, limit: number): Promise<PaymentRow[]> {
  const rows = await db
    .selectFrom("payments")
    .selectAll()
    .where("state", "in", open)
    .orderBy("updated_at")
    .limit(limit)
    .execute();
  return rows.map(paymentRow);
}

export async function paymentsOfExecution(db: Database, executionId: string): Promise<PaymentRow[]> {
  const rows = await db.selectFrom("payments").selectAll().where("execution_id", "=", executionId).execute();
  return rows.map(paymentRow);
}
