import { afterAll, beforeAll, expect, test } from "vitest";
import { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server.remove());

test("a session that is terminated stops its work, shows that it did, and closes its sockets with 4409", async () => {
  const { id } = await server.createSession();
  const { id: other } = await server.createSession();
  const clients = await Promise.all([1, 2, 3].map(() => server.connect(id)));
  const bystander = await server.connect(other);
  const [client] = clients;
  if (client === undefined) throw new Error("There is no client.");
  const execution = execute(client, "wait 60 seconds");
  await client.first("tool_call", execution);

  const { status } = await server.http("DELETE", `/sessions/${id}`);

  expect(status).toBe(204);
  const closed = await Promise.all(clients.map(({ closed }) => closed));
  expect(closed.map(({ code }) => code)).toEqual([4409, 4409, 4409]);
  bystander.send({ type: "ping", data: {}, id: "here" });
  expect(await bystander.answerTo("here")).toMatchObject({ type: "pong" });
});

test("a terminated session lets nobody in, and keeps its log", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "check balance"));
  await server.http("DELETE", `/sessions/${id}`);

  const late = new TestClient(`${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}`, {
    token: await server.token(),
  });

  expect((await late.closed).code).toBe(4409);
  const { body } = await server.http("GET", `/sessions/${id}/events`);
  expect(body.data[0].type).toBe("execution_started");
});
