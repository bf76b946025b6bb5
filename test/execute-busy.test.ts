import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { callingModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

/** A server with a tool `hold` that answers when the test says so. */
async function holdingServer() {
  const held = Promise.withResolvers<string>();
  const hold = readTool("hold", () => held.promise);
  const server = await serverForTest({ model: callingModel(), tools: [hold] });
  return { server, letGo: () => held.resolve("done") };
}

test("a command to a busy session is queued and starts when the one before it has ended", async () => {
  const { server, letGo } = await holdingServer();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const first = execute(client, "hold");
  await client.first("tool_call", first);

  const second = execute(client, "check_balance");
  const started = await client.first("execution_started", second);
  letGo();
  await client.end(second);

  expect(started.data.queued).toBe(true);
  const order = client.events.map(({ type, data }) => `${type} ${"execution_id" in data ? data.execution_id : ""}`);
  expect(order.indexOf(`thinking ${second}`)).toBeGreaterThan(order.indexOf(`complete ${first}`));
});

test("twenty commands sent at once run one after the other in the order in which they came", async () => {
  const { server, letGo } = await holdingServer();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const first = execute(client, "hold");

  const queued = Array.from({ length: 20 }, () => execute(client, "check_balance"));
  await client.first("execution_started", queued.at(-1));
  letGo();
  await Promise.all(queued.map((execution) => client.end(execution)));

  const ends = client.events.flatMap(({ type, data }) =>
    type === "complete" && "execution_id" in data ? [data.execution_id] : [],
  );
  expect(ends).toEqual([first, ...queued]);
});

test("a command that waits for a human does not hold up the next", async () => {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const waiting = execute(client, 'pay_service {"service":"premium-report"}');
  await client.first("approval_required", waiting);

  const next = execute(client, "check_balance");

  expect(await client.end(next)).toMatchObject({ type: "complete" });
});

test.each([
  ["the message says so", {}, { if_busy: "reject" }],
  ["the session says so", { if_busy: "reject" }, {}],
])("a busy session refuses a command when %s", async (_, config, data) => {
  const { server, letGo } = await holdingServer();
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  const first = execute(client, "hold");
  await client.first("tool_call", first);

  const refusal = await ask(client, "execute", { command: "check_balance", ...data });
  letGo();
  await client.end(first);

  expect(refusal).toMatchObject({ type: "error", data: { code: "session_busy" } });
  expect(refusal.data).not.toHaveProperty("fatal");
  expect(client.events.filter(({ type }) => type === "execution_started")).toHaveLength(1);
});

test("a message's if_busy stands above the session's", async () => {
  const { server, letGo } = await holdingServer();
  const { id } = await server.createSession({ if_busy: "reject" });
  const client = await server.connect(id);
  const first = execute(client, "hold");
  await client.first("tool_call", first);

  const second = execute(client, "check_balance", { if_busy: "queue" });
  await client.first("execution_started", second);
  letGo();

  expect(await client.end(second)).toMatchObject({ type: "complete" });
});

test("an idle session takes a command that wants no queue", async () => {
  const server = await serverForTest({ model: scriptedModel({ text: "Hello." }) });
  const { id } = await server.createSession({ if_busy: "reject" });
  const client = await server.connect(id);

  const execution = execute(client, "say hello");

  expect(await client.end(execution)).toMatchObject({ type: "complete" });
});
