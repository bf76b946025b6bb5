import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../runtime/log.ts";
import type { Transport } from "./transport.ts";

/**
 * Core NATS: nothing is stored there. `deployment` keeps servers on other databases apart. Throws when the
 * server cannot be reached at start; later it is connected to again for as long as it takes.
 */
export async function natsTransport(url: string, deployment: string, log: Log): Promise<Transport> {
  const nats = await open(url);
  const subject = `paygent.${deployment}`;
  let isConnected = true;

  return {
    maxBytes: Math.min(nats.info?.max_payload ?? 0, 256 * 1024),

    async send(text) {
      nats.publish(subject, text);
    },

    async open({ onText, onGap }) {
      nats.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) onText(message.string());
        },
      });
      void watch(nats, (status) => {
        if (status === "disconnect") {
          isConnected = false;
          log.warn({}, "the connection to NATS is lost; connecting again");
        }
        if (status === "reconnect") {
          isConnected = true;
          onGap();
        }
      });
      await nats.flush();
    },

    isConnected: () => isConnected,

    async close() {
      // Not `drain`: it would wait for a server that is gone.
      await nats.close();
    },
  };
}

async function open(url: string): Promise<NatsConnection> {
  try {
    return await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 500, timeout: 5000 });
  } catch (cause) {
    throw new Error(
      "The NATS server at NATS_URL cannot be reached. Start it, correct NATS_URL, or unset it to use PostgreSQL alone.",
      { cause },
    );
  }
}

async function watch(nats: NatsConnection, onStatus: (type: string) => void): Promise<void> {
  for await (const { type } of nats.status()) onStatus(type);
}
