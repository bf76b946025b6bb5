import { expect, test } from "vitest";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

test("an approver finds the session and what waits in it, until the config names somebody else", async () => {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession({ approvers: ["bob"] });
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", execution);

  const waiting = await server.http("GET", "/approvals?status=pending", { userId: "bob" });
  const sessions = await server.http("GET", "/sessions", { userId: "bob" });
  const changed = await server.http("PATCH", `/sessions/${id}`, { body: { config: { approvers: ["carol"] } } });
  const nothing = await server.http("GET", "/approvals?status=pending", { userId: "bob" });

  expect(waiting.body.data).toMatchObject([{ request_id: request.request_id }]);
  expect(sessions.body.data).toMatchObject([{ id }]);
  expect(changed.status).toBe(200);
  expect(nothing.body.data).toEqual([]);
});
