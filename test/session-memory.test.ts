import { afterEach, expect, test } from "vitest";
import { type AnthropicStub, type StubScript, startAnthropicStub } from "./support/anthropic-stub.ts";
import { eventsOf } from "./support/events-of.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

let stub: AnthropicStub | undefined;

afterEach(() => stub?.close());

async function start(script: StubScript) {
  stub = await startAnthropicStub(script);
  const env = { PAYGENT_MODEL: "anthropic/stub", ANTHROPIC_BASE_URL: stub.url, ANTHROPIC_API_KEY: "key-of-a-test" };
  const server = await serverForTest({ env });
  const { id } = await server.createSession();
  return { stub, server, client: await server.connect(id) };
}

test("a hosted model is told the session's earlier commands and what was answered", async () => {
  const { stub: model, client } = await start([{ text: "Blue it is." }, { text: "You said blue." }]);
  await client.end(execute(client, "remember blue"));

  await client.end(execute(client, "what did I say?"));

  const texts = model.requests[1]?.body.messages.map(({ role, content }) => [role, JSON.stringify(content)]);
  expect(texts).toMatchObject([
    ["user", expect.stringContaining("remember blue")],
    ["assistant", expect.stringContaining("Blue it is.")],
    ["user", expect.stringContaining("what did I say?")],
  ]);
});

test("one session's memory is not another's", async () => {
  const { stub: model, server, client } = await start([{ text: "Fine." }]);
  await client.end(execute(client, "the secret is 4711"));
  const { id } = await server.createSession();
  const other = await server.connect(id);

  await other.end(execute(other, "what is the secret?"));

  expect(JSON.stringify(model.requests[1]?.body)).not.toContain("4711");
});

test("what the model says streams as it comes and stands whole in the end", async () => {
  const { client } = await start([{ text: ["Good ", "morn", "ing."] }]);

  const execution = execute(client, "greet me");
  const end = await client.end(execution);

  const deltas = client.events.flatMap((event) => (event.type === "text_delta" ? [event.data] : []));
  expect(deltas.map(({ delta }) => delta).join("")).toBe("Good morning.");
  expect(end).toMatchObject({ type: "complete", data: { result: { text: "Good morning." } } });
  expect(new Set(deltas.map(({ message_id }) => message_id))).toEqual(
    new Set(end.type === "complete" ? [end.data.message_id] : []),
  );
});

test("what the model says beside its calls streams, and stands whole in a thinking event", async () => {
  const calls = [{ name: "check_balance", args: {} }];
  const { client } = await start([{ text: "Let me look.", calls }, { text: "Enough." }]);

  const execution = execute(client, "how much is there?");
  await client.end(execution);

  const [first] = client.events.flatMap((event) => (event.type === "text_delta" ? [event.data] : []));
  const said = eventsOf(client, execution).find(
    ({ type, data }) => type === "thinking" && "thought_process" in data && data.thought_process === "Let me look.",
  );
  expect(said?.data).toMatchObject({ message_id: first?.message_id });
});

test("arguments that a hosted model writes as broken JSON come back to it as a failed result", async () => {
  const { stub: model, client } = await start([
    { calls: [{ name: "wait", rawArgs: '{"seconds": ' }] },
    { text: "I see." },
  ]);

  const execution = execute(client, "wait a little");
  const end = await client.end(execution);

  expect(JSON.stringify(model.requests[1]?.body.messages)).toContain("invalid_arguments");
  expect(end).toMatchObject({ type: "complete", data: { result: { text: "I see." } } });
});

test("a command is not among the memories of itself, and cancelled ones have no answer", async () => {
  const model = scriptedModel(() => new Promise(() => undefined), { text: "Second." }, { text: "Third." });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const first = execute(client, "first");
  await client.first("thinking", first);
  client.send({ type: "cancel", data: { execution_id: first } });
  await client.end(first);
  await client.end(execute(client, "second"));

  await client.end(execute(client, "third"));

  expect(model.requests.at(-1)?.messages).toEqual([
    { role: "user", text: "first" },
    { role: "user", text: "second" },
    { role: "assistant", text: "Second.", toolCalls: [] },
    { role: "user", text: "third" },
  ]);
});
