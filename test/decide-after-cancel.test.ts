import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { eventsOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const world = fakeWorld();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel(), world });
});

afterAll(() => server.remove());

async function cancelWhileAsked() {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", execution);
  await ask(client, "cancel", { execution_id: execution });
  return { client, execution, request };
}

test.each([
  ["approve", {}],
  ["reject", {}],
  ["edit", { edited_args: { service: "news" } }],
] as const)(
  "%s after the execution was cancelled is refused as execution_ended and pays nothing",
  async (type, data) => {
    const { client, execution, request } = await cancelWhileAsked();
    const before = eventsOf(client, execution).length;

    const late = await ask(client, type, { request_id: request.request_id, ...data });

    expect(late).toMatchObject({ type: "error", data: { code: "execution_ended", request_id: request.request_id } });
    expect(eventsOf(client, execution)).toHaveLength(before);
    expect(world.signed.size).toBe(0);
  },
);

test("a second cancel is refused as execution_ended and says how it ended", async () => {
  const { client, execution } = await cancelWhileAsked();

  const again = await ask(client, "cancel", { execution_id: execution });

  expect(again).toMatchObject({
    type: "error",
    data: { code: "execution_ended", execution_id: execution, details: { status: "cancelled" } },
  });
});

test("a request of a cancelled execution is listed as cancelled and by nobody decided", async () => {
  const { request } = await cancelWhileAsked();

  const { body } = await server.http("GET", "/approvals?status=cancelled&limit=1");

  expect(body.data[0]).toMatchObject({ request_id: request.request_id, status: "cancelled" });
  expect(body.data[0]).not.toHaveProperty("decided_by");
});
