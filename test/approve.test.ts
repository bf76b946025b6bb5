import { afterAll, beforeAll, expect, test } from "vitest";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server.remove());

test("a payment above the threshold waits, and runs once it is approved", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "pay 25 USDC to premium-report");
  const { data: request } = await client.first("approval_required", execution);
  expect(request).toMatchObject({
    tool_name: "pay_service",
    amount: "25.00",
    currency: "USDC",
    payee: "premium-report",
  });

  client.send({ type: "approve", data: { request_id: request.request_id }, id: "yes" });

  expect(await client.answerTo("yes")).toMatchObject({ type: "approved", data: { decided_by: "alice" } });
  expect(await client.end(execution)).toMatchObject({
    type: "complete",
    data: { success: true, total_cost: "25.00 USD" },
  });
});

test("a second approval is refused and names the first", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "pay 25 USDC to premium-report");
  const { data: request } = await client.first("approval_required", execution);

  client.send({ type: "approve", data: { request_id: request.request_id }, id: "first" });
  client.send({ type: "reject", data: { request_id: request.request_id }, id: "second" });

  expect(await client.answerTo("second")).toMatchObject({
    type: "error",
    data: { code: "already_decided", details: { decision: "approved", decided_by: "alice" } },
  });
  expect(await client.end(execution)).toMatchObject({ type: "complete" });
});
