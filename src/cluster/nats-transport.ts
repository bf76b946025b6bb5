import { AuthorizationError, connect, type NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../runtime/log.ts";
import { errorCode } from "../store/outage.ts";
import { tryFor } from "../store/try-for.ts";
import { readNatsUrl } from "./nats-url.ts";
import type { Transport } from "./transport.ts";

const connectTimeoutMs = 5000;

interface NatsOptions {
  readonly url: string;
  /** Keeps servers on other databases apart. */
  readonly deployment: string;
  /** How long a server that cannot be reached is waited for. */
  readonly startTimeoutMs: number;
  readonly log: Log;
}

/**
 * Core NATS: nothing is stored there. Throws when the server cannot be reached at start; later it is connected to
 * again for as long as it takes.
 */
export async function natsTransport({ url, deployment, startTimeoutMs, log }: NatsOptions): Promise<Transport> {
  const nats = await open(url, startTimeoutMs, log);
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
          else log.warn({ err: error }, "hints cannot be heard over NATS; nodes look into the log instead");
        },
      });
      watch(nats, (status) => {
        if (status === "disconnect") {
          isConnected = false;
          log.warn({}, "the connection to NATS is lost; connecting again");
        }
        if (status === "reconnect") {
          isConnected = true;
          onGap();
        }
      }).catch((error: unknown) => log.warn({ err: error }, "the connection to NATS is not watched any more"));
      await nats.flush();
    },

    isConnected: () => isConnected,

    async close() {
      // Not `drain`: it would wait for a server that is gone.
      await nats.close();
    },
  };
}

async function open(url: string, startTimeoutMs: number, log: Log): Promise<NatsConnection> {
  const options = {
    ...readNatsUrl(url),
    maxReconnectAttempts: -1,
    // A server whose credentials are being changed refuses for a while.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 500,
    timeout: connectTimeoutMs,
  };
  try {
    return await tryFor(startTimeoutMs, () => connect(options), {
      mayPass: (error) => refusalOf(error) === undefined,
      onFirstFailure: () =>
        log.warn({}, `the NATS server cannot be reached; trying for ${startTimeoutMs / 1000} seconds`),
    });
  } catch (cause) {
    const problem = refusalOf(cause) ?? "cannot be reached. Start it, correct NATS_URL";
    throw new Error(`The NATS server at NATS_URL ${problem}, or unset it to use PostgreSQL alone.`, { cause });
  }
}

/** Why a server that is there cannot be used, where waiting does not help. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof AuthorizationError) return "does not take the credentials in it. Correct them";
  // The client tells this failure by its words alone.
  if (error instanceof Error && error.message === "server does not support 'tls'")
    return "offers no TLS, which tls:// demands. Set it up there, use nats://";
  if (/CERT|SIGNATURE/.test(String(errorCode(error))))
    return `has a certificate that is not trusted (${errorCode(error)}). Correct it, name its authority's file in NODE_EXTRA_CA_CERTS`;
  return undefined;
}

async function watch(nats: NatsConnection, onStatus: (type: string) => void): Promise<void> {
  for await (const { type } of nats.status()) onStatus(type);
}
