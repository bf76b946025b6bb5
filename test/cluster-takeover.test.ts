import { expect, test } from "vitest";
import { dataOf } from "./support/events-of.ts";
import { databaseForProcesses, type ServerProcess, startProcess } from "./support/server-process.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

const stops = Number(process.env.CLUSTER_STOPS ?? 3);

async function startNodes(env: Readonly<Record<string, string>> = {}) {
  const database = await databaseForProcesses();
  const start = () => startProcess(database, "faulty", { TEST_WORLD: "fake", ...env });
  return { one: await start(), other: await start() };
}

/** A session that is watched on `far`, with an execution under way on `near`. */
async function working(near: ServerProcess, far: ServerProcess, command: string) {
  const { id } = await near.createSession();
  const client = await far.connect(id, { lastSeq: 0 });
  const execution = execute(await near.connect(id), command);
  await client.first("tool_call", execution);
  return { id, client, execution };
}

function finished(client: TestClient, execution: string) {
  return client.events.filter(
    ({ type, data }) =>
      (type === "complete" || type === "cancelled" || type === "error") && data.execution_id === execution,
  );
}

test.skipIf(!isShared)("what a killed node was doing is done by another", async () => {
  const { one, other } = await startNodes();
  const { client, execution } = await working(one, other, 'wait {"seconds":1} && look {}');

  await one.kill();

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
});

test.skipIf(!isShared)(
  `a node that was stopped past its lease and wakes up writes nothing for what others took over (${stops} times)`,
  { timeout: 60_000 + stops * 20_000 },
  async () => {
    const { one, other } = await startNodes();

    for (let stop = 0; stop < stops; stop++) {
      const { id, client, execution } = await working(one, other, 'wait {"seconds":1} && look {}');
      process.kill(one.pid, "SIGSTOP");
      const end = await client.end(execution);
      process.kill(one.pid, "SIGCONT");

      expect(end).toMatchObject({ type: "complete", data: { success: true } });
      // It is awake again when it has done something else.
      const next = await one.createSession();
      const awake = await one.connect(next.id);
      await awake.end(execute(awake, 'wait {"seconds":1}'));
      expect(finished(client, execution)).toHaveLength(1);
      expect(dataOf(client, execution, "tool_result")).toHaveLength(2);
      const { body } = await other.http("GET", `/sessions/${id}/events?limit=1000`);
      expect(body.data.map(({ seq }: { seq: number }) => seq)).toEqual(client.events.flatMap(({ seq }) => seq ?? []));
    }
  },
);

test.skipIf(!isShared)("a node that goes down hands over at once: nothing waits for its lease to lapse", async () => {
  const { one, other } = await startNodes({ TEST_LEASE_MS: "600000", TEST_SWEEPS: "" });
  const { client, execution } = await working(one, other, 'wait {"seconds":2} && look {}');

  await one.stop();

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
});
