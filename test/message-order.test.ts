import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server.remove());

test("what a socket says in one breath is done in that order", async () => {
  for (let run = 0; run < 20; run++) {
    const { id } = await server.createSession();
    const client = await server.connect(id);

    const execution = execute(client, "wait 60 seconds");
    client.send({ type: "cancel", data: { execution_id: execution }, id: "stop" });

    expect(await client.end(execution)).toMatchObject({ type: "cancelled" });
    expect(client.events.filter(({ type }) => type === "error")).toEqual([]);
    await client.close();
  }
});

test("commands sent in one breath are started in that order", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const executions = Array.from({ length: 50 }, (_, i) => execute(client, `find services for ${i}`));
  await Promise.all(executions.map((execution) => client.end(execution)));

  const started = client.events.filter(({ type }) => type === "execution_started");
  expect(started.map(({ data }) => "execution_id" in data && data.execution_id)).toEqual(executions);
});

test("connected comes first, also to a client that speaks at once", async () => {
  const { id } = await server.createSession();
  const url = `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}&last_seq=0`;
  const token = await server.token();

  for (let run = 0; run < 20; run++) {
    const client = new TestClient(url, { token });
    client.socket.on("open", () => client.send({ type: "ping", data: {}, id: "early" }));
    await client.answerTo("early");

    expect(client.events[0]?.type).toBe("connected");
    await client.close();
  }
});

test("a command is carried out although its socket is gone", async () => {
  const { id } = await server.createSession();
  const watcher = await server.connect(id);
  const client = await server.connect(id);

  const execution = execute(client, "check balance");
  client.socket.close();

  expect(await watcher.end(execution)).toMatchObject({ type: "complete" });
});

test("the same command twice in one breath starts once, and both are answered", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const executionId = randomUUID();

  for (const ref of ["one", "two"]) {
    client.send({ type: "execute", data: { command: "check balance", execution_id: executionId }, id: ref });
  }

  expect(await client.answerTo("one")).toMatchObject({ type: "execution_started", seq: 1 });
  const second = await client.answerTo("two");
  expect(second).toMatchObject({ type: "execution_started", data: { duplicate: true, execution_id: executionId } });
  expect(second.seq).toBeUndefined();
  await client.end(executionId);
});
