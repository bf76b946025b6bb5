import { setTimeout as delay } from "node:timers/promises";
import {
  AuthorizationError,
  connect,
  type NatsConnection,
  type Status,
  type Subscription,
} from "@nats-io/transport-node";
import type { Log } from "../runtime/log.ts";
import { errorCode } from "../store/outage.ts";
import { tryFor } from "../store/try-for.ts";
import { readNatsUrl } from "./nats-url.ts";
import type { Transport } from "./transport.ts";

const connectTimeoutMs = 5000;
/** How often the server is asked whether it is there; when the third question finds two unanswered it is not. */
const pingEveryMs = 2000;
const retryMs = 5000;
const farewellMs = 1000;

type Listener = Parameters<Transport["open"]>[0];

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
  return new NatsTransport(await open(url, startTimeoutMs, log), `paygent.${deployment}`, log);
}

class NatsTransport implements Transport {
  readonly maxBytes: number;
  readonly #nats: NatsConnection;
  readonly #subject: string;
  readonly #log: Log;
  #subscription: Subscription | undefined;
  #isLinked = true;
  /** Whether the server has refused something since it was last asked for everything. */
  #isRefused = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(nats: NatsConnection, subject: string, log: Log) {
    this.#nats = nats;
    this.#subject = subject;
    this.#log = log;
    this.maxBytes = Math.min(nats.info?.max_payload ?? 0, 256 * 1024);
  }

  async send(text: string): Promise<void> {
    this.#nats.publish(this.#subject, text);
  }

  async open(listener: Listener): Promise<void> {
    watch(this.#nats, (type) => this.#follow(type, listener)).catch((error: unknown) => {
      this.#isLinked = false;
      this.#log.warn({ err: error }, "the connection to NATS is not watched any more");
    });
    this.#subscribe(listener);
    await this.#nats.flush();
  }

  isConnected(): boolean {
    return this.#isLinked && !this.#isRefused && this.#subscription?.isClosed() === false;
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry);
    // Not `drain`, and not for long: it would wait for a server that is gone.
    await Promise.race([this.#nats.close(), delay(farewellMs, undefined, { ref: false })]);
  }

  #follow(type: Status["type"], listener: Listener): void {
    if (type === "reconnect") {
      this.#isLinked = true;
      this.#goOn(listener);
    } else if (type === "error") {
      this.#isRefused = true;
      clearTimeout(this.#retry);
      // What is refused on a connection that stays, such as a subject, may be allowed later.
      this.#retry = setTimeout(() => this.#isLinked && this.#goOn(listener), retryMs);
    } else if (type === "disconnect" || type === "staleConnection" || type === "close") {
      if (this.#isLinked && type !== "close") this.#log.warn({}, "the connection to NATS is lost; connecting again");
      this.#isLinked = false;
    }
  }

  #goOn(listener: Listener): void {
    this.#isRefused = false;
    this.#subscribe(listener);
    listener.onGap();
  }

  /** A subscription that the server refuses has ended, and comes to no other connection. */
  #subscribe({ onText }: Listener): void {
    if (this.#subscription?.isClosed() === false) return;
    this.#subscription = this.#nats.subscribe(this.#subject, {
      callback: (error, message) => {
        if (error === null) onText(message.string());
        else this.#log.warn({ err: error }, "hints cannot be heard over NATS; nodes look into the log instead");
      },
    });
  }
}

async function open(url: string, startTimeoutMs: number, log: Log): Promise<NatsConnection> {
  const options = {
    ...readNatsUrl(url),
    maxReconnectAttempts: -1,
    // A server whose credentials are being changed refuses for a while.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 500,
    timeout: connectTimeoutMs,
    pingInterval: pingEveryMs,
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

async function watch(nats: NatsConnection, onStatus: (type: Status["type"]) => void): Promise<void> {
  for await (const { type } of nats.status()) onStatus(type);
}
