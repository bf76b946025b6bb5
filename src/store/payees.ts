import { type Selectable, sql } from "kysely";
import { type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** Whom a payment goes to: an address means something on its own network only. */
export interface PayeeKey {
  readonly userId: string;
  readonly network: string;
  readonly address: string;
}

export interface PayeeRow {
  readonly payments: number;
  readonly micros: bigint;
  readonly lastPaidAt: string;
}

// Addresses are stored in lower case: their checksum is a matter of letters only.
const normal = ({ userId, network, address }: PayeeKey) => ({ userId, network, address: address.toLowerCase() });

const selectOne = statement<PayeeKey, Selectable<Tables["payees"]>>((db, param) =>
  db
    .selectFrom("payees")
    .selectAll()
    .where("user_id", "=", param("userId"))
    .where("network", "=", param("network"))
    .where("address", "=", param("address")),
);

/** What a user has paid somebody so far; undefined when nothing ever settled. */
export async function findPayee(db: Database, key: PayeeKey): Promise<PayeeRow | undefined> {
  const [row] = await selectOne(db, normal(key));
  return row && { payments: Number(row.payments), micros: BigInt(row.micros), lastPaidAt: row.last_paid_at };
}

const upsert = statement<
  { user_id: string; network: string; address: string; micros: bigint; at: string; more: bigint; again: string },
  never
>((db, param) =>
  db
    .insertInto("payees")
    .values({
      user_id: param("user_id"),
      network: param("network"),
      address: param("address"),
      payments: sql.lit(1),
      micros: param("micros"),
      last_paid_at: param("at"),
    })
    .onConflict((conflict) =>
      conflict.columns(["user_id", "network", "address"]).doUpdateSet({
        payments: sql`payees.payments + 1`,
        micros: sql`payees.micros + ${param("more")}`,
        last_paid_at: param("again"),
      }),
    ),
);

/** Counts a payment that has settled. */
export async function countPayment(tx: Database, key: PayeeKey, micros: bigint, at: string): Promise<void> {
  const { userId, network, address } = normal(key);
  await upsert(tx, { user_id: userId, network, address, micros, at, more: micros, again: at });
}
