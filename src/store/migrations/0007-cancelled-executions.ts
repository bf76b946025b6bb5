import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What finds the few executions that are cancelled and have no run to tell of it. */
export const cancelledExecutions: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create index executions_cancelled on executions (session_id) where cancel_by is not null and status in ('queued', 'waiting')`.execute(
      db,
    );
  },
};
