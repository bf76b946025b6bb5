import { expect, test } from "vitest";
import { dataOf, typesOf } from "./support/events-of.ts";
import {
  databaseForProcesses,
  type FaultPoint,
  type ServerProcess,
  startProcess,
  untilWaiting,
} from "./support/server-process.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";

const config = { tools: { pay_service: "ask" } };
const payment = 'pay_service {"service":"market-data"}';
const resumedMs = 5000;

/** Kill points one after the other; the last of a kind is the one that an approved payment no longer reaches. */
function* killPoints(wasKilled: () => boolean): Generator<FaultPoint> {
  yield { point: "start" };
  for (const when of ["after", "before"] as const) {
    for (let number = 1; ; number++) {
      yield { point: "commit", when, number };
      if (!wasKilled()) break;
    }
  }
}

test("an approved payment goes on by itself and happens once, wherever between approval and end the server is killed", async () => {
  const database = await databaseForProcesses();
  const env = { TEST_SWEEPS: "once" };
  let server: ServerProcess = await startProcess(database, "faulty", env);
  const { id } = await server.createSession(config);
  const executions: string[] = [];
  let kills = 0;
  let isAlive = true;

  for (const point of killPoints(() => !isAlive)) {
    const client = await server.connect(id);
    const execution = execute(client, payment);
    executions.push(execution);
    const { data: request } = await client.first("approval_required", execution);
    await untilWaiting(server, execution);
    await server.failAt(point);
    client.send({ type: "approve", data: { request_id: request.request_id } });
    isAlive = await Promise.race([
      server.ended.then(() => false),
      client.end(execution).then(
        () => true,
        () => false,
      ),
    ]);
    if (!isAlive) {
      kills += 1;
      await server.ended;
    } else await server.kill();

    server = await startProcess(database, "faulty", env);
    const startedAt = performance.now();
    const watcher = await server.connect(id, { lastSeq: 0 });
    await decideIfLost(watcher, execution, request.request_id, point);
    await watcher.end(execution);
    expect(performance.now() - startedAt).toBeLessThan(resumedMs);
  }

  const watcher = await server.connect(id, { lastSeq: 0 });
  for (const execution of executions) {
    await watcher.end(execution);
    expect(dataOf(watcher, execution, "complete")).toMatchObject([{ success: true, total_cost: "0.10 USD" }]);
    expect(typesOf(watcher, execution).filter((type) => type === "approved")).toHaveLength(1);
    expect(dataOf(watcher, execution, "tool_result")).toMatchObject([{ success: true, cost: { amount: "0.10" } }]);
  }
  const paid = executions.length * 10;
  const { body: wallet } = await server.http("GET", "/wallet");
  expect(wallet).toMatchObject({ amount: (100 - paid / 100).toFixed(2) });
  const { body: session } = await server.http("GET", `/sessions/${id}`);
  expect(session.budget).toMatchObject({ spent: (paid / 100).toFixed(2), reserved: "0.00" });
  expect(kills).toBeGreaterThan(10);
  await server.closeClients();
}, 180_000);

/** Only a kill before the approval's own commit may lose it; then the question is still there. */
async function decideIfLost(
  client: TestClient,
  execution: string,
  requestId: string,
  point: FaultPoint,
): Promise<void> {
  if (point.point !== "commit" || point.when !== "before" || point.number !== 1) return;
  expect((await client.first("connected")).data.pending_approvals).toMatchObject([{ request_id: requestId }]);
  expect(typesOf(client, execution)).not.toContain("approved");
  client.send({ type: "approve", data: { request_id: requestId } });
}
