import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What is kept of logs whose oldest events were moved to files. Older versions neither read nor write any of it. */
export const archive: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("archives")
      .addColumn("session_id", "text", (column) => column.primaryKey())
      .addColumn("last_seq", "bigint", (column) => column.notNull().defaultTo(0))
      .addColumn("last_hash", "text", (column) => column.notNull())
      .addColumn("counts", "text", (column) => column.notNull())
      .addColumn("first_at", "text")
      .addColumn("last_at", "text")
      .addColumn("planned_seq", "bigint")
      .addColumn("claimed_by", "text")
      .addColumn("claimed_until", "text")
      .execute();
    await db.schema.alterTable("deployment").addColumn("archive_begun_at", "text").execute();
    await db.schema.alterTable("sessions").addColumn("oldest_at", "text").execute();
    await sql`create index sessions_by_age on sessions (coalesce(oldest_at, created_at))`.execute(db);
  },
};
