import { expect, test } from "vitest";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { runSql } from "./support/store-fault.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

test("a node that has more runs than it looks at in one sweep takes over what a dead one left", async () => {
  const runs = 150;
  const door = Promise.withResolvers<void>();
  let inside = 0;
  const hold = readTool("hold", () => {
    inside += 1;
    return door.promise;
  });
  const server = await serverForTest({ model: callingModel(), tools: [hold, readTool("look", () => "seen")] });
  for (let begun = 0; begun < runs; begun++) {
    execute(await server.connect((await server.createSession()).id), "hold {}");
  }
  await expect.poll(() => inside, { timeout: 20_000 }).toBe(runs);
  const { id } = await server.createSession({ tools: { look: "ask" } });
  const client = await server.connect(id, { lastSeq: 0 });
  const left = execute(client, "look {}");
  const { data } = await client.first("approval_required", left);

  // As a node leaves it that dies as it goes on.
  await runSql(server.database, `update executions set status = 'running', owner = 'dead' where id = '${left}'`);

  const status = async () => (await server.http("GET", `/executions/${left}`)).body.status;
  await expect.poll(status).toBe("waiting");
  client.send({ type: "approve", data: { request_id: data.request_id } });
  expect(await client.end(left)).toMatchObject({ type: "complete", data: { success: true } });
  door.resolve();
});
