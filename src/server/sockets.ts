import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { closeCodes } from "../protocol/close-codes.ts";
import { PaygentError } from "../protocol/errors.ts";
import { Id } from "../protocol/ids.ts";
import type { Problem } from "../protocol/resources.ts";
import { maxMessageBytes, subprotocol, webSocketPath } from "../protocol/websocket.ts";
import { type Caller, isMember, requireScope, unauthenticated } from "../runtime/access.ts";
import { findSession } from "../store/sessions.ts";
import type { Authenticator, Identity } from "./auth.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { credentialOf } from "./credential.ts";
import type { Api } from "./http/api.ts";
import { isAllowedOrigin, refuseHead } from "./http/request-head.ts";
import { Peer } from "./peer.ts";
import { problemOf } from "./problem.ts";
import type { Rates } from "./rates.ts";
import type { SocketOwner, SocketPlaces } from "./socket-places.ts";
import { isTicket } from "./ticket.ts";

const maxFragments = 64;
const tickMs = 1000;
/** How long peers have to answer the close when the server goes down. */
const drainMs = 2000;
const unavailableRetrySeconds = 1;

export interface SocketOptions extends ConnectionParts {
  readonly authenticator: Authenticator;
  readonly api: Pick<Api, "redeemTicket" | "onRevoked">;
  /** Origins of web pages that may connect, the server's own included. */
  readonly allowedOrigins: readonly string[];
  readonly rates: Rates;
  readonly places: SocketPlaces;
}

/** Who is let in, to which session. */
interface Admitted {
  readonly identity: Identity;
  readonly sessionId: string;
  readonly lastSeq: number | undefined;
}

/** A refusal that a browser can read: the socket is accepted and closed at once with the code. */
class Refusal extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** The WebSocket side of a server: lets sockets in or refuses them, and looks after those that are in. */
export class Sockets {
  readonly #options: SocketOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    maxFragments,
    // 23 against 266 KiB a connection, and frames could not be shared between sockets.
    perMessageDeflate: false,
    // Connections answer pings themselves, so that they can count them.
    autoPong: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  readonly #connections = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;
  #isDraining = false;
  #onLastGone: () => void = () => undefined;

  constructor(http: Server, options: SocketOptions) {
    this.#options = options;
    http.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  get count(): number {
    return this.#connections.size;
  }

  /** Ends every connection to a session that is over. */
  closeSession(sessionId: string): void {
    for (const { peer } of this.#connections) {
      if (peer.sessionId === sessionId) peer.close(closeCodes.terminated, "the session was terminated");
    }
  }

  /** Lets nobody in any more and asks everybody to go elsewhere; resolves when all are gone. */
  async close(): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#timer);
    for (const { peer } of this.#connections) peer.close(closeCodes.goingAway, "the server is going down");
    if (this.#connections.size === 0) return;
    const timer = setTimeout(() => {
      for (const { peer } of this.#connections) peer.ws.terminate();
    }, drainMs);
    await new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
    });
    clearTimeout(timer);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // A peer that resets the connection before it is let in must not end the process.
    socket.on("error", () => socket.destroy());
    const url = URL.parse(request.url ?? "/", "http://local");
    if (url === null) return answer(socket, problemOf(400, "invalid_message", "The address is malformed."));
    const problem = this.#problemOf(request, url);
    if (problem !== undefined) return answer(socket, problem);

    const address = request.socket.remoteAddress ?? "";
    let admitted: Admitted | Refusal;
    try {
      await this.#options.rates.spendOfAddress(address);
      admitted = await this.#admit(request, url.searchParams);
      await this.#seat(socket, { userId: admitted.identity.userId, address });
    } catch (error) {
      if (!(error instanceof Refusal)) return this.#turnAway(socket, error);
      admitted = error;
    }
    // The server may have begun to go down meanwhile, and has then said goodbye to everybody already.
    if (this.#isDraining) return answer(socket, goingDown());
    if (socket.destroyed) return;
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      if (admitted instanceof Refusal) {
        ws.on("error", () => undefined);
        ws.close(admitted.code, admitted.message);
      } else {
        this.#accept(new Connection(this.#options, new Peer({ ws, socket, ...admitted })), admitted.lastSeq);
      }
    });
  }

  /** Takes a place that lasts as long as the connection does, whatever ends it. */
  async #seat(socket: Duplex, owner: SocketOwner): Promise<void> {
    const leave = await this.#options.places.take(owner);
    if (socket.destroyed) leave();
    else socket.once("close", leave);
  }

  #turnAway(socket: Duplex, error: unknown): void {
    if (error instanceof PaygentError && error.code === "rate_limited") {
      return answer(socket, problemOf(429, "rate_limited", error.message), error.details?.retry_after_s);
    }
    this.#options.runtime.log.error({ err: error }, "a socket could not be admitted");
    const sentence = "The server cannot let you in at the moment; try again shortly.";
    answer(socket, problemOf(503, "unavailable", sentence), unavailableRetrySeconds);
  }

  /** What is refused before the upgrade. */
  #problemOf(request: IncomingMessage, url: URL): Problem | undefined {
    const malformed = refuseHead(request.rawHeaders);
    if (malformed !== undefined) return malformed;
    if (url.pathname !== webSocketPath) {
      return problemOf(404, "not_found", `WebSockets are spoken at ${webSocketPath}.`);
    }
    if (request.headers["sec-websocket-version"] !== "13") {
      return problemOf(400, "invalid_message", "Only version 13 of WebSocket is spoken here.");
    }
    if (this.#isDraining) return goingDown();
    const { origin } = request.headers;
    if (origin !== undefined && !isAllowedOrigin(origin, this.#options.allowedOrigins)) {
      return problemOf(403, "forbidden", "Pages of this origin may not connect; add it to PAYGENT_ALLOWED_ORIGINS.");
    }
    return undefined;
  }

  async #admit(request: IncomingMessage, query: URLSearchParams): Promise<Admitted> {
    const sessionIds = query.getAll("session_id");
    const sessionId = Id.safeParse(sessionIds[0]).data;
    const identity = await this.#identify(request, query, sessionId);
    await this.#options.rates.spendOfUser(identity.userId);
    if (sessionIds.length !== 1 || sessionId === undefined) {
      throw new Refusal(closeCodes.malformedQuery, "session_id must be one UUID");
    }
    const lastSeq = lastSeqOf(query);
    const session = await findSession(this.#options.runtime.store.db, sessionId);
    if (session === undefined || !isMember(session, identity)) {
      throw new Refusal(closeCodes.notFound, "no such session for this user");
    }
    if (session.status === "terminated") throw new Refusal(closeCodes.terminated, "the session was terminated");
    refuseWithoutScope(identity);
    return { identity, sessionId, lastSeq };
  }

  async #identify(request: IncomingMessage, query: URLSearchParams, sessionId: string | undefined): Promise<Identity> {
    const { authenticator, api } = this.#options;
    try {
      const credential = credentialOf(request.rawHeaders, query);
      if (credential === undefined) throw unauthenticated("no credential");
      if (credential.source === "query" && isTicket(credential.token)) {
        return await api.redeemTicket(credential.token, sessionId ?? "");
      }
      return await authenticator.authenticate(credential.token);
    } catch (error) {
      if (!(error instanceof PaygentError) || error.code !== "unauthenticated") throw error;
      throw new Refusal(closeCodes.unauthenticated, "missing, invalid or expired credential");
    }
  }

  #accept(connection: Connection, lastSeq: number | undefined): void {
    const { peer } = connection;
    this.#connections.add(connection);
    const unwatch = this.#options.api.onRevoked(peer.identity, () => peer.revoke());
    peer.ws.on("close", () => {
      unwatch();
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onLastGone();
    });
    connection.open(lastSeq).catch((error: unknown) => {
      this.#options.runtime.log.error({ err: error }, "a connection could not be opened");
      peer.close(closeCodes.overloaded, "the session could not be read; reconnect");
    });
  }

  #tick(): void {
    const now = this.#options.runtime.clock.now();
    for (const connection of this.#connections) connection.tick(now);
  }
}

function goingDown(): Problem {
  return problemOf(503, "unavailable", "The server is going down; connect again shortly.");
}

function lastSeqOf(query: URLSearchParams): number | undefined {
  const given = query.getAll("last_seq");
  const [text] = given;
  if (text === undefined) return undefined;
  if (given.length > 1 || !/^\d{1,15}$/.test(text)) {
    throw new Refusal(closeCodes.malformedQuery, "last_seq must be one whole number");
  }
  return Number(text);
}

function refuseWithoutScope(identity: Caller): void {
  try {
    requireScope(identity, "read");
  } catch {
    throw new Refusal(closeCodes.forbidden, 'the token lacks the scope "read"');
  }
}

/** Answers an upgrade request with a plain HTTP response. */
function answer(socket: Duplex, problem: Problem, retryAfterSeconds?: unknown): void {
  const body = JSON.stringify(problem);
  const head = {
    "Content-Type": "application/problem+json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
    ...(problem.status === 400 ? { "Sec-WebSocket-Version": "13" } : {}),
    ...(retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) }),
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  // A peer that does not hang up is hung up on.
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join("")}\r\n${body}`);
}
