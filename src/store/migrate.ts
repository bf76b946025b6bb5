import { Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import type { Database } from "./statement.ts";

/** Brings the tables up to date. Throws a sentence when a newer version of Paygent has changed them. */
export async function migrate(db: Database, name: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations() } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && /previously executed migration/.test(error.message)) {
    throw new Error(`${name} was written by a newer version of Paygent. Start that version, or use another database.`, {
      cause: error,
    });
  }
  throw error;
}
