import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { testDatabase } from "./support/database.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const command = "check_balance";
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel(), messagesPerSecond: 10_000 });
});

afterAll(() => server.remove());

test("a command sent again with its execution_id answers with the execution that it started", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution_id = execute(client, command);
  await client.end(execution_id);

  const again = await ask(client, "execute", { command, execution_id });

  expect(again).toMatchObject({
    type: "execution_started",
    data: { execution_id, duplicate: true, status: "completed", command },
  });
  expect(again.seq).toBeUndefined();
  expect((await server.http("GET", `/sessions/${id}/executions`)).body.data).toHaveLength(1);
});

test.each([
  ["another command", { command: "discover_services" }],
  ["another budget", { command, budget_limit_usd: "1" }],
  ["a plan", { command, plan: [{ title: "One" }] }],
])("an execution_id that was used is refused with %s", async (_, changed) => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution_id = execute(client, command);
  await client.end(execution_id);

  const answer = await ask(client, "execute", { ...changed, execution_id });

  expect(answer).toMatchObject({ type: "error", data: { code: "conflict", execution_id } });
});

test("over HTTP the first request answers 201, the same again 200, another content 409", async () => {
  const { id } = await server.createSession();
  const execution_id = randomUUID();
  const post = (body: object) => server.http("POST", `/sessions/${id}/executions`, { body: { execution_id, ...body } });

  const answers = [await post({ command }), await post({ command }), await post({ command: "discover_services" })];

  expect(answers.map(({ status }) => status)).toEqual([201, 200, 409]);
  expect(answers[1]?.body.execution_id).toBe(execution_id);
  expect(answers[2]?.body.code).toBe("conflict");
});

test("32 requests at once with the same execution_id start one execution, 20 times over", async () => {
  const { id } = await server.createSession();
  const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect(id)));

  for (let round = 0; round < 20; round++) {
    const execution_id = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const client = clients[index % 5];
        if (client !== undefined) return (await ask(client, "execute", { command, execution_id })).data;
        return (await server.http("POST", `/sessions/${id}/executions`, { body: { command, execution_id } })).body;
      }),
    );
    await clients[0]?.end(execution_id);

    expect(answers.every((data) => data.execution_id === execution_id && !("code" in data))).toBe(true);
    const started = clients[0]?.events.filter(
      ({ type, seq, data }) =>
        type === "execution_started" &&
        seq !== undefined &&
        "execution_id" in data &&
        data.execution_id === execution_id,
    );
    expect(started).toHaveLength(1);
  }
});

test("of requests at once with other contents one wins and the others get conflict", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  for (let round = 0; round < 20; round++) {
    const execution_id = randomUUID();
    const answers = await Promise.all(
      ["5", "6", "7", "8"].map((budget_limit_usd) =>
        ask(client, "execute", { command, execution_id, budget_limit_usd }),
      ),
    );

    expect(answers.filter(({ type }) => type === "execution_started")).toHaveLength(1);
    const refusals = answers.flatMap(({ data }) => ("code" in data ? [data.code] : []));
    expect(refusals).toEqual(["conflict", "conflict", "conflict"]);
  }
});

test("one execution_id sent to several sessions at once starts in one of them", async () => {
  const sessions = await Promise.all(Array.from({ length: 8 }, () => server.createSession()));

  for (let round = 0; round < 10; round++) {
    const execution_id = randomUUID();
    const answers = await Promise.all(
      sessions.map(({ id }) => server.http("POST", `/sessions/${id}/executions`, { body: { command, execution_id } })),
    );

    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array(7).fill(409)]);
  }
});

test("a restarted server still knows an execution_id", async () => {
  const database = await testDatabase();
  const before = await startTestServer({ model: callingModel(), database });
  const { id } = await before.createSession();
  const execution_id = randomUUID();
  const request = { body: { command, execution_id } };
  const first = await before.http("POST", `/sessions/${id}/executions`, request);
  await before.remove();

  const after = await startTestServer({ model: callingModel(), database });
  const same = await after.http("POST", `/sessions/${id}/executions`, request);
  const other = await after.http("POST", `/sessions/${id}/executions`, { body: { command: "other", execution_id } });
  await after.remove();
  await database.remove();

  expect([first.status, same.status, other.status]).toEqual([201, 200, 409]);
  expect(same.body.execution_id).toBe(execution_id);
});
