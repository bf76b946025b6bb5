import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, type TestServer } from "./support/test-server.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const env = { PAYGENT_EXECUTIONS_PER_USER: "3" };
const asked = 'pay_service {"service":"premium-report"}';

async function newSession(server: TestServer, userId = "alice") {
  const { id } = await server.createSession({}, userId);
  return server.connect(id, { userId });
}

/** Leaves an execution that waits for a person. */
async function park(server: TestServer) {
  const client = await newSession(server);
  const executionId = execute(client, asked);
  await client.first("approval_required", executionId);
  return { client, executionId };
}

const refusal = {
  code: "quota_exceeded",
  message: "You have 3 executions that have not ended, in all your sessions. Decide or cancel some of them first.",
};

test("a user's executions that have not ended count over all sessions, and nobody else's do", async () => {
  const server = await serverForTest({ model: callingModel(), env });
  const [first] = [await park(server), await park(server), await park(server)];
  const client = await newSession(server);

  const refused = execute(client, "check_balance");
  expect((await client.first("error", refused)).data).toMatchObject(refusal);

  const bob = await newSession(server, "bob");
  expect(await bob.end(execute(bob, "check_balance"))).toMatchObject({ type: "complete" });

  first.client.send({ type: "cancel", data: { execution_id: first.executionId } });
  await first.client.end(first.executionId);
  expect(await client.end(execute(client, "check_balance"))).toMatchObject({ type: "complete" });
});

test("what was started before is answered at the limit too", async () => {
  const server = await serverForTest({ model: callingModel(), env });
  const { client, executionId } = await park(server);
  await park(server);
  await park(server);

  const id = randomUUID();
  client.send({ type: "execute", id, data: { command: asked, execution_id: executionId } });

  await expect.poll(() => client.events.find(({ ref }) => ref === id)?.type).toBe("execution_started");
});

test.skipIf(!isShared)("executions count over all nodes", async () => {
  const [one, other] = await twoNodes({ model: callingModel(), env });
  await park(one);
  await park(other);
  await park(one);
  const client = await newSession(other);

  expect((await client.first("error", execute(client, "check_balance"))).data).toMatchObject(refusal);
});
