import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { adoptAnvil } from "../../src/payments/anvil.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import type { FaultPoint } from "./fault-points.ts";
import type { ServerCalls } from "./server-calls.ts";
import { type ServerProcess, type ServerProgram, spawnServer } from "./server-spawn.ts";

export type { FaultPoint, ServerProcess };

/** A data folder and database for the servers of one test; what they leave behind is gone when it is over. */
export async function databaseForProcesses(): Promise<TestDatabase> {
  const database = await testDatabase();
  onTestFinished(async () => {
    // A chain outlives its killed server.
    await (await adoptAnvil(join(database.dataDir, "chain")))?.close();
    await database.remove();
  });
  return database;
}

/** Starts a server, gone when the test is over. */
export async function startProcess(
  database: TestDatabase,
  program: ServerProgram,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const server = await spawnServer(database, program, env);
  onTestFinished(() => server.kill());
  return server;
}

/** Waits until an execution rests: a client hears of its question a commit before that. */
export async function untilWaiting(server: ServerCalls, executionId: string): Promise<void> {
  const status = async () => (await server.http("GET", `/executions/${executionId}`)).body.status;
  await expect.poll(status, { interval: 10, timeout: 10_000 }).toBe("waiting");
}
