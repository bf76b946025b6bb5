import { expect, test } from "vitest";
import { dataOf } from "./support/events-of.ts";
import { databaseForProcesses, type ServerProcess, startProcess } from "./support/server-process.ts";
import { runSql } from "./support/store-fault.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

const stops = Number(process.env.CLUSTER_STOPS ?? 3);

async function startNodes(env: Readonly<Record<string, string>> = {}, other = env) {
  const database = await databaseForProcesses();
  const fake = { TEST_WORLD: "fake" };
  const one = await startProcess(database, "faulty", { ...fake, ...env });
  return { database, one, other: await startProcess(database, "faulty", { ...fake, ...other }) };
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

test.skipIf(!isShared).each([300_000, -300_000])(
  "a node whose clock is %i ms off takes nothing over that is alive and lets nothing expire too early",
  async (shift) => {
    const { database, one, other } = await startNodes({}, { TEST_DATE_SHIFT_MS: String(shift) });
    const { id, client, execution } = await working(one, other, 'wait {"seconds":3}');
    const asked = await one.createSession({ approval_threshold_usd: "1", approval_timeout_s: 60 });
    const asker = await other.connect(asked.id);
    const question = execute(asker, 'pay_service {"service":"news"}');
    const { data } = await asker.first("approval_required", question);

    await client.end(execution);

    // Each takeover would have raised the fencing number.
    await runSql(
      database,
      `do $$ begin if (select fence from executions where id = '${execution}') <> 1 then raise 'taken over'; end if; end $$`,
    );
    const { body } = await one.http("GET", "/approvals?status=pending");
    expect(body.data.map((approval: { request_id: string }) => approval.request_id)).toContain(data.request_id);
    expect(Math.abs(Date.parse(data.expires_at) - Date.now() - 60_000)).toBeLessThan(20_000);
    expect(id).not.toBe(asked.id);
  },
);
