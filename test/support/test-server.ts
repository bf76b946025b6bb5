import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { type RunningServer, type ServerParts, startServer } from "../../src/server/start.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { fakeWorld } from "./fake-world.ts";
import { authSecret, type ServerCalls, serverCalls } from "./server-calls.ts";
import type { TestClient } from "./test-client.ts";

export { authSecret };

/** A real server in this process, on a store of its own. */
export interface TestServer extends RunningServer, ServerCalls {
  readonly database: TestDatabase;
  /** Ends the server and forgets its store. */
  remove(): Promise<void>;
}

/** Starts a server with tokens signed by `authSecret`, and a fake world unless `parts` bring one. */
export async function startTestServer(
  parts: ServerParts & { readonly database?: TestDatabase } = {},
): Promise<TestServer> {
  const database = parts.database ?? (await testDatabase());
  const env = { PAYGENT_AUTH_SECRET: authSecret, PAYGENT_DATA_DIR: database.dataDir, ...database.env, ...parts.env };
  const server = await startServer(
    { port: 0 },
    { world: fakeWorld(), logger: pino({ level: "silent" }), worker: { sweepMs: 50 }, ...parts, env },
  );
  const calls = serverCalls(server.url);
  return {
    ...server,
    ...calls,
    database,
    async remove() {
      await calls.closeClients();
      await server.close();
      if (parts.database === undefined) await database.remove();
    },
  };
}

/** Sends a command and gives the id of its execution. */
export function execute(client: TestClient, command: string, data: Record<string, unknown> = {}): string {
  const executionId = typeof data.execution_id === "string" ? data.execution_id : randomUUID();
  client.send({ type: "execute", data: { command, ...data, execution_id: executionId }, id: `execute-${executionId}` });
  return executionId;
}
