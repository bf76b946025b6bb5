import pg from "pg";

const channel = "paygent";

/** A connection of its own to everybody who listens on this database. */
export interface Notifications {
  /** Sends a text of less than 8,000 bytes to all of them; rejects when the connection is broken. */
  send(text: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a connection that hears notifications until `onEnd`, which is called once, also when `close` is.
 * Rejects when the server cannot be reached.
 */
export async function openNotifications(
  url: string,
  { onText, onEnd }: { onText(text: string): void; onEnd(): void },
): Promise<Notifications> {
  const client = new pg.Client({
    connectionString: url,
    keepAlive: true,
    application_name: "paygent hints",
    connectionTimeoutMillis: 5000,
  });
  // What breaks the connection also ends it.
  client.on("error", () => undefined);
  try {
    await client.connect();
    client.on("notification", ({ payload }) => payload !== undefined && onText(payload));
    // A notification is a commit of its own, one at a time in a database: none waits for a disk, for there is
    // nothing in it that a crash could lose.
    await client.query("set synchronous_commit = off");
    await client.query(`listen ${channel}`);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  client.once("end", onEnd);
  return {
    async send(text) {
      await client.query({ name: "notify", text: "select pg_notify($1, $2)", values: [channel, text] });
    },
    close: () => client.end(),
  };
}
