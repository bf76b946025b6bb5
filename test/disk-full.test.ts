import { expect, test } from "vitest";
import { openStoreForReading } from "../src/store/database.ts";
import { verifySessions } from "../src/store/verify.ts";
import { ask } from "./support/ask.ts";
import { allowGrowth, stopGrowth, watchConnections } from "./support/page-limit.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, type TestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

const isPostgres = process.env.DATABASE_URL !== undefined;
const long = "x".repeat(3900);

watchConnections();

async function problemsOf(server: TestServer): Promise<unknown[]> {
  const store = await openStoreForReading({ dataDir: server.database.dataDir });
  const found = [];
  for await (const { problem } of verifySessions(store.db, undefined)) found.push(problem);
  await store.close();
  return found.filter((problem) => problem !== undefined);
}

test.skipIf(isPostgres)(
  "on a full disk reads go on, commands answer unavailable, and all goes on when there is room",
  async () => {
    const server = await serverForTest({ model: callingModel(), tools: [readTool("look", () => "seen")] });
    const { id } = await server.createSession();
    const client = await server.connect(id, { lastSeq: 0 });
    const before = execute(client, "look {}");
    await client.end(before);
    stopGrowth(server.database.dataDir);

    let refusal = await ask(client, "execute", { command: `look {"text":"${long}"}` });
    while (refusal.type !== "error") refusal = await ask(client, "execute", { command: `look {"text":"${long}"}` });

    expect(refusal).toMatchObject({
      data: { code: "unavailable", message: expect.stringContaining("nothing was changed") },
    });
    const { status, body } = await server.http("GET", `/sessions/${id}/events?after_seq=0`);
    expect(status).toBe(200);
    expect(body.data.length).toBeGreaterThan(0);
    expect(await problemsOf(server)).toEqual([]);
    allowGrowth(server.database.dataDir);
    const after = execute(client, "look {}");
    expect(await client.end(after)).toMatchObject({ type: "complete", data: { success: true } });
    expect(await problemsOf(server)).toEqual([]);
  },
);

test.skipIf(isPostgres)("an execution that a full disk stops goes on by itself when there is room", async () => {
  let fills = 0;
  const server = await serverForTest({
    model: callingModel(),
    tools: [
      readTool("fill", () => {
        if (fills === 0) stopGrowth(server.database.dataDir);
        fills += 1;
        return Array(20).fill(long);
      }),
    ],
  });
  const { id } = await server.createSession();
  const client = await server.connect(id, { lastSeq: 0 });
  const execution = execute(client, "fill {}");
  // The first result could not be written, or nobody would have asked again.
  await expect.poll(() => fills).toBeGreaterThan(1);
  expect(client.events.at(-1)?.type).toBe("tool_call");

  allowGrowth(server.database.dataDir);

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
  expect(await problemsOf(server)).toEqual([]);
});
