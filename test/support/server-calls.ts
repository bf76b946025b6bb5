import { SignJWT } from "jose";
import type { Session } from "../../src/protocol/resources.ts";
import { TestClient } from "./test-client.ts";

export const authSecret = "a secret that is known to tests only, and long";

/** What a test can do to a server that takes tokens signed by `authSecret`. */
export interface ServerCalls {
  /** A token of a user, good for an hour unless the claims say otherwise. */
  token(userId?: string, claims?: Record<string, unknown>): Promise<string>;
  /** A request to the HTTP API as a user. */
  http(method: string, path: string, options?: { body?: unknown; userId?: string }): Promise<HttpAnswer>;
  createSession(config?: Record<string, unknown>, userId?: string): Promise<Session>;
  /** Opens a socket and waits until it is connected. */
  connect(sessionId: string, options?: { userId?: string; lastSeq?: number }): Promise<TestClient>;
  closeClients(): Promise<void>;
}

export interface HttpAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

export function serverCalls(serverUrl: string): ServerCalls {
  const clients = new Set<TestClient>();

  const token = (userId = "alice", claims: Record<string, unknown> = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(userId)
      .setExpirationTime(typeof claims.exp === "number" ? claims.exp : "1h")
      .sign(new TextEncoder().encode(authSecret));

  const http: ServerCalls["http"] = async (method, path, { body, userId } = {}) => {
    const response = await fetch(`${serverUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await token(userId)}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };

  return {
    token,
    http,
    async createSession(config = {}, userId) {
      const { status, body } = await http("POST", "/sessions", { body: { config }, ...(userId ? { userId } : {}) });
      if (status !== 201) throw new Error(`No session was created: ${JSON.stringify(body)}`);
      return body;
    },
    async connect(sessionId, { userId, lastSeq } = {}) {
      const query = lastSeq === undefined ? "" : `&last_seq=${lastSeq}`;
      const url = `${serverUrl.replace("http", "ws")}/api/v1/ws?session_id=${sessionId}${query}`;
      const client = new TestClient(url, { token: await token(userId) });
      clients.add(client);
      await client.first("connected");
      return client;
    },
    async closeClients() {
      for (const client of clients) await client.close();
    },
  };
}
