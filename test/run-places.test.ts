import { expect, test } from "vitest";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

const maxRuns = 3;

/** A server that may have three runs, with many sessions, and a tool that nobody leaves before the door is opened. */
async function crowdedServer(config: Record<string, unknown> = {}) {
  const door = Promise.withResolvers<void>();
  let inside = 0;
  let most = 0;
  const hold = readTool("hold", async () => {
    inside += 1;
    most = Math.max(most, inside);
    await door.promise;
    inside -= 1;
  });
  const server = await serverForTest({ model: callingModel(), tools: [hold], worker: { sweepMs: 50, maxRuns } });
  const clients = await Promise.all(
    Array.from({ length: 20 }, async () => server.connect((await server.createSession(config)).id)),
  );
  return { clients, open: () => door.resolve(), inside: () => inside, most: () => most };
}

async function expectEnds(clients: readonly TestClient[], ids: readonly string[]): Promise<void> {
  for (const [index, client] of clients.entries()) {
    expect(await client.end(ids[index] ?? "")).toMatchObject({ type: "complete" });
  }
}

test("of many commands at once no more run than a node may have, and the others after them", async () => {
  const { clients, open, inside, most } = await crowdedServer();

  const ids = clients.map((client) => execute(client, "hold {}"));
  await Promise.all(clients.map((client, index) => client.first("execution_started", ids[index])));
  await expect.poll(inside).toBe(maxRuns);
  open();

  await expectEnds(clients, ids);
  expect(most()).toBe(maxRuns);
});

test("of many approvals at once no more executions go on than a node may have, and the others after them", async () => {
  const { clients, open, inside, most } = await crowdedServer({ tools: { hold: "ask" } });
  const ids = clients.map((client) => execute(client, "hold {}"));
  const asked = await Promise.all(clients.map((client, index) => client.first("approval_required", ids[index])));

  for (const [index, client] of clients.entries()) {
    client.send({ type: "approve", data: { request_id: asked[index]?.data.request_id } });
  }
  await Promise.all(clients.map((client, index) => client.first("approved", ids[index])));
  await expect.poll(inside).toBe(maxRuns);
  open();

  await expectEnds(clients, ids);
  expect(most()).toBe(maxRuns);
});
