import type pg from "pg";
import { isLostConnection } from "./outage.ts";
import { PartingClient } from "./parting-client.ts";

const channel = "paygent";

/** How long a connection may take to come about, and an answer over it, before it counts as lost. */
const silentMs = 5000;
/** How often a connection on which nothing is said is looked at: only listening, nobody notices that it is lost. */
const lookEveryMs = 2000;

/** A connection of its own to everybody who listens on this database. */
export interface Notifications {
  /** Sends a text of less than 8,000 bytes to all of them; rejects when the connection is broken. */
  send(text: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a connection that hears notifications until `onEnd`, which is called once, also when `close` is and when the
 * server has fallen silent. Rejects when the server cannot be reached.
 */
export async function openNotifications(
  url: string,
  { onText, onEnd }: { onText(text: string): void; onEnd(): void },
): Promise<Notifications> {
  const client: pg.Client = new PartingClient({
    connectionString: url,
    keepAlive: true,
    keepAliveInitialDelayMillis: silentMs,
    application_name: "paygent hints",
    connectionTimeoutMillis: silentMs,
    query_timeout: silentMs,
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

  let asked: Promise<unknown> = Promise.resolve();
  /** One query after the other; the connection over which no answer comes is let go, so that a new one is made. */
  const ask = (query: string | pg.QueryConfig) => {
    const answer = asked.then(() => client.query(query));
    asked = answer.catch((error: unknown) => {
      if (isLostConnection(error)) void client.end();
    });
    return answer;
  };
  // What went wrong has been seen to.
  const look = setInterval(() => ask("select 1").catch(() => undefined), lookEveryMs);
  client.once("end", () => {
    clearInterval(look);
    onEnd();
  });
  return {
    async send(text) {
      await ask({ name: "notify", text: "select pg_notify($1, $2)", values: [channel, text] });
    },
    close: () => client.end(),
  };
}
