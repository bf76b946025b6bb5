import { onTestFinished } from "vitest";
import type { ServerParts } from "../../src/server/start.ts";
import { testDatabase } from "./database.ts";
import { fakeWorld } from "./fake-world.ts";
import { callingModel } from "./scripted-model.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

/** Whether the suite runs on a database that several nodes can share. */
export const isShared = (process.env.DATABASE_URL ?? "") !== "";

/** Two nodes on one database, paying in one world; gone when the test is over. */
export async function twoNodes(parts: ServerParts = {}, other: ServerParts = parts): Promise<[TestServer, TestServer]> {
  const database = await testDatabase();
  const world = fakeWorld();
  const start = async (own: ServerParts) => {
    const node = await startTestServer({ world, model: callingModel(), ...own, database });
    onTestFinished(() => node.remove());
    return node;
  };
  onTestFinished(() => database.remove());
  return [await start(parts), await start(other)];
}
