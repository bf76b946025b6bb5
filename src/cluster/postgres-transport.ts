import type { Log } from "../runtime/log.ts";
import { listen, notify } from "../store/notifications.ts";
import type { Database } from "../store/statement.ts";
import type { Transport } from "./transport.ts";

const retryMs = 500;

/** PostgreSQL's NOTIFY, on a connection of its own that is made again whenever it breaks. */
export function postgresTransport(url: string, db: Database, log: Log): Transport {
  let connection: { close(): Promise<void> } | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  return {
    // A notification must stay below 8,000 bytes.
    maxBytes: 7900,

    send: (text) => notify(db, text),

    async open({ onText, onGap }) {
      const connectLater = () => {
        connection = undefined;
        if (!isClosed) retry = setTimeout(() => void connect(), retryMs);
      };
      const connect = async () => {
        try {
          connection = await listen(url, { onText, onEnd: connectLater });
        } catch (error) {
          log.warn({ err: error }, "cannot listen to notifications; trying again");
          return connectLater();
        }
        if (isClosed) await connection.close();
        else onGap();
      };
      await connect();
    },

    isConnected: () => connection !== undefined,

    async close() {
      isClosed = true;
      clearTimeout(retry);
      await connection?.close();
    },
  };
}
