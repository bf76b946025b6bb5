import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;
const buy = 'pay_service {"service":"news"}';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

async function askAboutThree() {
  const { id } = await server.createSession({ approval_threshold_usd: "1" });
  const client = await server.connect(id);
  const execution = execute(client, `${buy} && ${buy} && ${buy}`);
  const isThird = () => dataOf(client, execution, "approval_required").length === 3;
  await client.find(isThird);
  return { client, execution, requests: dataOf(client, execution, "approval_required") };
}

test.each(orders)("three requests of one step can be decided in the order %i, %i, %i", async (...order) => {
  const { client, execution, requests } = await askAboutThree();
  const decisions = [
    { type: "approve", data: {} },
    { type: "reject", data: { reason: "no" } },
    { type: "edit", data: { edited_args: { service: "market-data" } } },
  ] as const;

  for (const index of order) {
    const { type, data } = decisions[index];
    await ask(client, type, { request_id: requests[index]?.request_id, ...data });
  }
  const end = await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toHaveLength(3);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "2.10", reserved: "0.00" });
  expect(end).toMatchObject({ type: "complete", data: { success: false, total_cost: "2.10 USD" } });
});

test("what is decided first runs while the others still wait", async () => {
  const { client, execution, requests } = await askAboutThree();

  await ask(client, "approve", { request_id: requests[1]?.request_id });
  const { data: result } = await client.first("tool_result", execution);
  const pending = await server.http("GET", `/executions/${execution}`);

  expect(result).toMatchObject({ tool_id: requests[1]?.tool_id, success: true });
  expect(pending.body.status).not.toBe("completed");
  expect(dataOf(client, execution, "thinking")).toHaveLength(1);
});

test("three decisions sent in one go all count", async () => {
  const { client, execution, requests } = await askAboutThree();

  await Promise.all(requests.map(({ request_id }) => ask(client, "approve", { request_id })));
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "complete", data: { success: true, total_cost: "6.00 USD" } });
});

test("a client that comes later is shown what is pending, in full", async () => {
  const { client, requests } = await askAboutThree();

  const later = await server.connect(requests[0]?.session_id ?? "");
  const connected = await later.first("connected");

  expect(connected.data.pending_approvals).toEqual(requests);
  expect(connected.data.executions).toMatchObject([{ status: "waiting" }]);
  await client.close();
});
