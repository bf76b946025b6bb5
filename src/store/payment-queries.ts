import { sql } from "kysely";
import type { PaymentState } from "../protocol/payment-info.ts";
import type { Cursor } from "./cursor.ts";
import { open, type PaymentRow, paymentRow } from "./payments.ts";
import { sessionsToApprove } from "./sessions.ts";
import type { Database } from "./statement.ts";

/** What payments are limited to. Times are about when one was quoted. */
export interface PaymentFilter {
  readonly session_id?: string | undefined;
  readonly execution_id?: string | undefined;
  readonly state?: PaymentState | undefined;
  /** A name or an address, in any case. */
  readonly payee?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The payments of the sessions that a user owns or is an approver of, as far as a filter lets them through. */
export function paymentsOf(db: Database, userId: string, filter: PaymentFilter) {
  const { session_id, execution_id, state, payee, from, to } = filter;
  return db
    .selectFrom("payments")
    .where(({ eb, or, selectFrom }) =>
      or([
        eb("payments.session_id", "in", selectFrom("sessions").select("id").where("user_id", "=", userId)),
        eb("payments.session_id", "in", sessionsToApprove(db, userId)),
      ]),
    )
    .$if(session_id !== undefined, (query) => query.where("payments.session_id", "=", session_id ?? ""))
    .$if(execution_id !== undefined, (query) => query.where("payments.execution_id", "=", execution_id ?? ""))
    .$if(state !== undefined, (query) => query.where("payments.state", "=", state ?? "quoted"))
    .$if(payee !== undefined, (query) =>
      query.where(({ eb, fn, or }) =>
        or([
          eb(fn("lower", ["payments.payee"]), "=", payee?.toLowerCase()),
          eb("payments.pay_to", "=", payee?.toLowerCase() ?? ""),
        ]),
      ),
    )
    .$if(from !== undefined, (query) => query.where("payments.quoted_at", ">=", from ?? ""))
    .$if(to !== undefined, (query) => query.where("payments.quoted_at", "<", to ?? ""));
}

/** One page of them, newest first. */
export async function listPayments(
  db: Database,
  userId: string,
  filter: PaymentFilter & { readonly before: Cursor | undefined; readonly limit: number },
): Promise<PaymentRow[]> {
  const { before, limit } = filter;
  const rows = await paymentsOf(db, userId, filter)
    .selectAll()
    .$if(before !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple("quoted_at", "id"), "<", tuple(before?.at ?? "", before?.id ?? "")),
      ),
    )
    .orderBy("quoted_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(paymentRow);
}

export async function findPaymentById(db: Database, id: string): Promise<PaymentRow | undefined> {
  const row = await db.selectFrom("payments").selectAll().where("id", "=", id).executeTakeFirst();
  return row && paymentRow(row);
}

/** A session's payments that settled in a period, and those that were quoted before its end and are open, oldest first. */
export async function paymentsOfPeriod(
  db: Database,
  { session_id, from = "", to }: { session_id: string; from?: string | undefined; to?: string | undefined },
  limit: number,
): Promise<PaymentRow[]> {
  const rows = await db
    .selectFrom("payments")
    .selectAll()
    .where("session_id", "=", session_id)
    .where(({ eb, or, and }) =>
      or([
        and([
          eb("state", "=", "settled"),
          eb("ended_at", ">=", from),
          ...(to === undefined ? [] : [eb("ended_at", "<", to)]),
        ]),
        and([eb("state", "in", open), ...(to === undefined ? [] : [eb("quoted_at", "<", to)])]),
      ]),
    )
    .orderBy(sql`coalesce(ended_at, quoted_at)`)
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(paymentRow);
}
