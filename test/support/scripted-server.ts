import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";

/** One socket as the test's script sees it. */
export class ScriptedSocket {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly socket: WebSocket;
  readonly #messages: ScriptedMessage[] = [];
  readonly #waiting: ((message: ScriptedMessage) => void)[] = [];

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.url = new URL(request.url ?? "/", "http://localhost");
    this.protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    socket.on("message", (data) => {
      const message: ScriptedMessage = JSON.parse(String(data));
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#messages.push(message);
      else waiting(message);
    });
  }

  /** The client's next message. */
  message(): Promise<ScriptedMessage> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(type: string, data: Record<string, unknown>, envelope: { seq?: number; ref?: string } = {}): void {
    this.socket.send(JSON.stringify({ type, data, timestamp: "2026-11-23T12:00:00.000Z", ...envelope }));
  }

  connected(data: { last_seq?: number; heartbeat_ms?: number } = {}): void {
    this.send("connected", { session_id: sessionId, user_id: "alice", last_seq: 0, heartbeat_ms: 60_000, ...data });
  }
}

export interface ScriptedMessage {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly id?: string;
}

export const sessionId = "3f0c5a52-8b3a-4a77-9a53-0f1f4f3b7a10";

/** An HTTP answer; the last one of a path is given again and again. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly body?: unknown;
}

export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

/** A server that does only what the test tells it to; for faults that a real server does not show. */
export class ScriptedServer {
  readonly url: string;
  /** What was asked over HTTP. */
  readonly requests: ScriptedRequest[] = [];
  readonly #answers = new Map<string, ScriptedAnswer[]>();
  readonly #sockets: ScriptedSocket[] = [];
  readonly #waiting: ((socket: ScriptedSocket) => void)[] = [];
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(): Promise<ScriptedServer> {
    const http = createServer();
    const sockets = new WebSocketServer({ server: http, handleProtocols: () => "paygent.v1" });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const address = http.address();
    if (address === null || typeof address === "string") throw new Error("The scripted server has no port.");
    const server = new ScriptedServer(`http://127.0.0.1:${address.port}`, async () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    });
    http.on("request", (request, response) => server.#answer(request, response));
    sockets.on("connection", (socket, request) => server.#accept(new ScriptedSocket(socket, request)));
    return server;
  }

  /** Answers a request such as `"GET /sessions"` (below `/api/v1`, without query). */
  answer(request: string, ...answers: ScriptedAnswer[]): void {
    this.#answers.set(request, answers);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "", headers } = request;
    this.requests.push({ method, path: url, headers });
    const answers = this.#answers.get(`${method} ${url.replace("/api/v1", "").replace(/\?.*/, "")}`) ?? [];
    const { status = 200, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 404, body: {} };
    request.resume();
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  #accept(socket: ScriptedSocket): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#sockets.push(socket);
    else waiting(socket);
  }

  /** The next socket that a client opens. */
  socket(): Promise<ScriptedSocket> {
    const socket = this.#sockets.shift();
    if (socket !== undefined) return Promise.resolve(socket);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** How many sockets were opened that the test has not asked for. */
  get unclaimed(): number {
    return this.#sockets.length;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
