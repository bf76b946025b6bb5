import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Which tokens no longer hold, and what a ticket must remember of its token. Older versions do not look at it. */
export const revocations: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("revocations")
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("by_user", "text", (column) => column.notNull())
      .addColumn("revoked_at", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("revocations_pk", ["kind", "subject"])
      .execute();
    await db.schema.createIndex("revocations_by_time").on("revocations").columns(["revoked_at"]).execute();
    await db.schema.alterTable("tickets").addColumn("token_id", "text").execute();
    await db.schema.alterTable("tickets").addColumn("token_issued_at", "text").execute();
  },
};
