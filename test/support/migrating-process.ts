import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { migratePostgres } from "../../src/store/migrate.ts";
import { migrations } from "../../src/store/migrations.ts";
import type { Tables } from "../../src/store/tables.ts";

/**
 * A version of Paygent that is newer by one migration, as it starts: it adds a column to a table that every
 * command writes, and a table, as expanding migrations do.
 */
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? "" });
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
await migratePostgres(db, {
  ...migrations(),
  "9999_next_version": {
    async up(schema) {
      await schema.schema.alterTable("sessions").addColumn("of_next_version", "text").execute();
      await schema.schema.createTable("of_next_version").addColumn("id", "text").execute();
    },
  },
});
await db.destroy();
