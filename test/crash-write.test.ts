import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dataOf } from "./support/events-of.ts";
import {
  databaseForProcesses,
  type FaultPoint,
  type ServerProcess,
  startProcess,
  untilWaiting,
} from "./support/server-process.ts";
import { execute } from "./support/test-server.ts";

const env = { TEST_WORLD: "fake", TEST_SWEEPS: "once" };

test("a tool that writes has its effect once, or a human is asked, wherever the server is killed", async () => {
  const database = await databaseForProcesses();
  const effects = join(database.dataDir, "effects.log");
  const timesDone = (line: string) =>
    existsSync(effects)
      ? readFileSync(effects, "utf8")
          .split("\n")
          .filter((text) => text === line).length
      : 0;
  let server: ServerProcess = await startProcess(database, "faulty", env);
  const { id } = await server.createSession({ tools: { append: "allow" } });
  const asked: string[] = [];
  let number = 0;

  for (let isReached = true; isReached; ) {
    number += 1;
    const point: FaultPoint = { point: "commit", when: "after", number };
    const client = await server.connect(id);
    await server.failAt(point);
    const execution = execute(client, `append {"line":"line-${number}"}`);
    isReached = await client.end(execution).then(
      () => false,
      () => true,
    );
    if (!isReached) break;
    await server.ended;

    server = await startProcess(database, "faulty", env);
    const watcher = await server.connect(id, { lastSeq: 0 });
    const isOf = (event: { data: object }) => "execution_id" in event.data && event.data.execution_id === execution;
    const next = await watcher.find((event) => isOf(event) && ["approval_required", "complete"].includes(event.type));
    if (next.type === "approval_required") {
      asked.push(execution);
      expect(next.data.reason).toBe("append was interrupted and may have happened already. Run it again?");
      expect(timesDone(`line-${number}`)).toBeLessThanOrEqual(1);
      watcher.send({ type: "reject", data: { request_id: next.data.request_id, reason: "It happened." } });
    }
    await watcher.end(execution);
    expect(timesDone(`line-${number}`)).toBeLessThanOrEqual(1);
    if (next.type === "complete") expect(timesDone(`line-${number}`)).toBe(1);
    expect(dataOf(watcher, execution, "tool_result")).toHaveLength(1);
    await watcher.close();
  }

  expect(asked.length).toBeGreaterThan(0);
  expect(number).toBeGreaterThan(3);
}, 120_000);

test("an interrupted write that a human lets run again runs again", async () => {
  const database = await databaseForProcesses();
  let server = await startProcess(database, "faulty", env);
  const { id } = await server.createSession({ tools: { append: "ask" } });
  const client = await server.connect(id);
  const execution = execute(client, 'append {"line":"twice"}');
  const { data: request } = await client.first("approval_required", execution);
  await untilWaiting(server, execution);
  // The commits: the approval, the note that the tool starts, and the result that is lost.
  await server.failAt({ point: "commit", when: "before", number: 3 });
  client.send({ type: "approve", data: { request_id: request.request_id } });
  await server.ended;
  server = await startProcess(database, "faulty", env);
  const watcher = await server.connect(id, { lastSeq: 0 });
  const again = await watcher.find(
    (event) => event.type === "approval_required" && event.data.request_id !== request.request_id,
  );
  if (again.type !== "approval_required") throw new Error("It is what was looked for.");

  watcher.send({ type: "approve", data: { request_id: again.data.request_id } });

  expect(await watcher.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
  expect(readFileSync(join(database.dataDir, "effects.log"), "utf8")).toBe("twice\ntwice\n");
});
