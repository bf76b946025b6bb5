import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { isShared } from "../statement.ts";

/** What servers of one database count together. SQLite has one server, which counts in memory. */
export const sharedLimits: Migration = {
  async up(db: Kysely<unknown>) {
    if (!isShared(db)) return;
    await db.schema
      .createTable("socket_counts")
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("counts", "jsonb", (column) => column.notNull())
      .addPrimaryKeyConstraint("socket_counts_pk", ["kind", "subject"])
      .execute();
    // Unlogged: after a crash of PostgreSQL it is empty, which says that nobody asked lately, and a batch waits
    // for no disk.
    await db.schema
      .createTable("rate_buckets")
      .modifyFront(sql`unlogged`)
      .addColumn("rate", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("left_milli", "bigint", (column) => column.notNull())
      .addColumn("at_ms", "bigint", (column) => column.notNull())
      .addColumn("granted", "integer", (column) => column.notNull())
      .addPrimaryKeyConstraint("rate_buckets_pk", ["rate", "subject"])
      .execute();
  },
};
