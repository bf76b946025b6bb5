import { afterEach, beforeEach } from "vitest";
import { type ClientOptions, createClient } from "../../src/client/client.ts";
import type { Connection, ConnectionEvents } from "../../src/client/connection.ts";
import { ScriptedServer, sessionId } from "./scripted-server.ts";

export const executionId = "0c1f6f0e-27a4-4d3a-8b80-5d2c5d6a7e01";
export const requestId = "b1b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c02";
const toolId = "c2b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c03";

const ofExecution = { session_id: sessionId, execution_id: executionId };
export const thinking = { ...ofExecution, command: "pay", step: 1 };
export const decided = { ...ofExecution, request_id: requestId, tool_id: toolId };
export const complete = {
  ...ofExecution,
  result: { text: "Done." },
  success: true,
  total_cost: "0.10 USD",
  duration_ms: 5,
  tool_calls: [],
};

/** For each test of a file: a server that says what the test tells it, and connections to it. */
export function scriptedConnections() {
  let server: ScriptedServer;
  let connections: Connection[];

  beforeEach(async () => {
    server = await ScriptedServer.start();
    connections = [];
  });

  afterEach(async () => {
    for (const connection of connections) connection.close();
    await server.close();
  });

  return {
    get server(): ScriptedServer {
      return server;
    },
    connect(options: Partial<ClientOptions> & { lastSeq?: number } = {}): Connection {
      const { lastSeq, ...client } = options;
      const connection = createClient({
        url: server.url,
        token: "header.payload.signature",
        reconnect: { baseMs: 1, maxMs: 5 },
        ...client,
      }).connect(sessionId, lastSeq === undefined ? {} : { lastSeq });
      connections.push(connection);
      return connection;
    },
  };
}

export function next<Type extends keyof ConnectionEvents>(
  connection: Connection,
  type: Type,
): Promise<ConnectionEvents[Type]> {
  return new Promise((resolve) => {
    const stop = connection.on(type, (value) => {
      stop();
      resolve(value);
    });
  });
}

export function statusOf<State extends string>(
  connection: Connection,
  state: State,
): Promise<ConnectionEvents["status"]> {
  return new Promise((resolve) => connection.on("status", (status) => status.state === state && resolve(status)));
}
