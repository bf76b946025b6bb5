import { sql } from "kysely";
import pg from "pg";
import type { Database } from "./statement.ts";

const channel = "paygent";

/** Sends a text of less than 8,000 bytes to everybody who listens on this database. */
export async function notify(db: Database, text: string): Promise<void> {
  await sql`select pg_notify(${channel}, ${text})`.execute(db);
}

/**
 * Opens a connection of its own that hears notifications until `onEnd`, which is called once, also when
 * `close` is. Rejects when the server cannot be reached.
 */
export async function listen(
  url: string,
  { onText, onEnd }: { onText(text: string): void; onEnd(): void },
): Promise<{ close(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url, keepAlive: true });
  // What breaks the connection also ends it.
  client.on("error", () => undefined);
  try {
    await client.connect();
    client.on("notification", ({ payload }) => payload !== undefined && onText(payload));
    await client.query(`listen ${channel}`);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  client.once("end", onEnd);
  return { close: () => client.end() };
}
