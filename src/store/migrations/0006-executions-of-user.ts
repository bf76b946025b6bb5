import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What counts a user's open executions without reading those that ended. */
export const executionsOfUser: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create index executions_of_user on executions (user_id) where status in ('queued', 'running', 'waiting')`.execute(
      db,
    );
  },
};
