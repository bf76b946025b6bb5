import { afterAll, beforeAll, expect, test } from "vitest";
import type { ModelReply } from "../src/runtime/agent-model.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let latch: PromiseWithResolvers<void>;
/** What the model says a piece of text with, once it has been asked. */
let asked: PromiseWithResolvers<(delta: string) => void>;

beforeAll(async () => {
  const model = scriptedModel(async (_request, { onText }): Promise<Partial<ModelReply>> => {
    asked.resolve(onText);
    await latch.promise;
    return { text: "Done." };
  });
  server = await startTestServer({ model });
});

afterAll(() => server.remove());

function hold(): void {
  latch = Promise.withResolvers();
  asked = Promise.withResolvers();
}

test("the start, the thinking and each piece of text are seen before the model has answered", async () => {
  hold();
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "think");
  await client.first("execution_started", execution);
  await client.first("thinking", execution);
  const say = await asked.promise;
  for (const delta of ["Let ", "me ", "see."]) {
    say(delta);
    await client.find((event) => event.type === "text_delta" && event.data.delta === delta);
  }

  expect(client.events.map(({ type }) => type)).toEqual([
    "connected",
    "execution_started",
    "thinking",
    "text_delta",
    "text_delta",
    "text_delta",
  ]);
  latch.resolve();
  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { result: { text: "Done." } } });
});

test("a client that comes while the model thinks is told what runs, and sees the rest", async () => {
  hold();
  const { id } = await server.createSession();
  const first = await server.connect(id);
  const execution = execute(first, "think");
  await first.first("thinking", execution);

  const second = await server.connect(id);

  expect(await second.first("connected")).toMatchObject({
    data: { last_seq: 2, executions: [{ execution_id: execution, command: "think", status: "running" }] },
  });
  latch.resolve();
  await second.end(execution);
  expect(second.events.map(({ seq }) => seq)).toEqual([undefined, 3]);
});

test("HTTP shows the thinking too before the model has answered", async () => {
  hold();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "think");
  await client.first("thinking", execution);

  const { body } = await server.http("GET", `/sessions/${id}/events`);

  expect(body.data.map(({ type }: { type: string }) => type)).toEqual(["execution_started", "thinking"]);
  latch.resolve();
  await client.end(execution);
});
