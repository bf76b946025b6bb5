import { sql } from "kysely";
import { type PaymentRow, type PaymentState, paymentRow } from "./payments.ts";
import { type Cursor, sessionsToApprove } from "./sessions.ts";
import type { Database } from "./statement.ts";

/** What a list of payments is limited to. Times are about when a payment was quoted. */
interface PaymentListFilter {
  readonly session_id?: string | undefined;
  readonly execution_id?: string | undefined;
  readonly state?: PaymentState | undefined;
  /** A name or an address, in any case. */
  readonly payee?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly before: Cursor | undefined;
  readonly limit: number;
}

/** The payments of the sessions that a user owns or is an approver of, newest first. */
export async function listPayments(db: Database, userId: string, filter: PaymentListFilter): Promise<PaymentRow[]> {
  const { session_id, execution_id, state, payee, from, to, before } = filter;
  const rows = await db
    .selectFrom("payments")
    .selectAll()
    .where(({ eb, or, selectFrom }) =>
      or([
        eb("session_id", "in", selectFrom("sessions").select("id").where("user_id", "=", userId)),
        eb("session_id", "in", sessionsToApprove(db, userId)),
      ]),
    )
    .$if(session_id !== undefined, (query) => query.where("session_id", "=", session_id ?? ""))
    .$if(execution_id !== undefined, (query) => query.where("execution_id", "=", execution_id ?? ""))
    .$if(state !== undefined, (query) => query.where("state", "=", state ?? "quoted"))
    .$if(payee !== undefined, (query) =>
      query.where(({ eb, fn, or }) =>
        or([eb(fn("lower", ["payee"]), "=", payee?.toLowerCase()), eb("pay_to", "=", payee?.toLowerCase() ?? "")]),
      ),
    )
    .$if(from !== undefined, (query) => query.where("quoted_at", ">=", from ?? ""))
    .$if(to !== undefined, (query) => query.where("quoted_at", "<", to ?? ""))
    .$if(before !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple("quoted_at", "id"), "<", tuple(before?.at ?? "", before?.id ?? "")),
      ),
    )
    .orderBy("quoted_at", "desc")
    .orderBy("id", "desc")
    .limit(filter.limit)
    .execute();
  return rows.map(paymentRow);
}

export async function findPaymentById(db: Database, id: string): Promise<PaymentRow | undefined> {
  const row = await db.selectFrom("payments").selectAll().where("id", "=", id).executeTakeFirst();
  return row && paymentRow(row);
}

const open: readonly PaymentState[] = ["reserved", "signed", "sent", "unknown"];

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
