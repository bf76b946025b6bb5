import type { Log } from "../runtime/log.ts";
import { type Notifications, openNotifications } from "../store/notifications.ts";
import type { Transport } from "./transport.ts";

const retryMs = 500;

/** PostgreSQL's NOTIFY, on a connection of its own that is made again whenever it breaks. */
export function postgresTransport(url: string, log: Log): Transport {
  let connection: Notifications | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  return {
    // A notification must stay below 8,000 bytes.
    maxBytes: 7900,

    async send(text) {
      if (connection === undefined) throw new Error("There is no connection for notifications at the moment.");
      await connection.send(text);
    },

    async open({ onText, onGap }) {
      const connectLater = () => {
        connection = undefined;
        if (!isClosed) retry = setTimeout(() => void connect(), retryMs);
      };
      const connect = async () => {
        try {
          connection = await openNotifications(url, { onText, onEnd: connectLater });
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
