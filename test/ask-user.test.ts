import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { type ScriptedModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

async function askAboutColour() {
  const model = scriptedModel(
    { calls: [{ name: "ask_user", args: { question: "Which colour?" } }] },
    { text: "Thank you." },
  );
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "paint it");
  const { data: request } = await client.first("approval_required", execution);
  return { model, client, execution, request };
}

function lastMessage(model: ScriptedModel) {
  return model.requests[1]?.messages.at(-1);
}

test("a question is shown as a request that costs nothing", async () => {
  const { request } = await askAboutColour();

  expect(request).toMatchObject({
    tool_name: "ask_user",
    tool_args: { question: "Which colour?" },
    amount: "0.00",
    reason: "The agent asks you a question.",
  });
});

test("the reason of an approval is the answer", async () => {
  const { model, client, execution, request } = await askAboutColour();

  await ask(client, "approve", { request_id: request.request_id, reason: "Blue." });
  const end = await client.end(execution);

  expect(lastMessage(model)).toMatchObject({ role: "tool", success: true, result: { answer: "Blue." } });
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ result: { answer: "Blue." } }]);
  expect(end).toMatchObject({ type: "complete", data: { success: true } });
});

test("an approval without a reason answers yes", async () => {
  const { model, client, execution, request } = await askAboutColour();

  await ask(client, "approve", { request_id: request.request_id });
  await client.end(execution);

  expect(lastMessage(model)).toMatchObject({ result: { answer: "yes" } });
});

test("an edit answers with the answer among its arguments", async () => {
  const { client, execution, request } = await askAboutColour();
  const edited_args = { question: "Which colour?", answer: "Green." };

  await ask(client, "edit", { request_id: request.request_id, edited_args });
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: true, result: { answer: "Green." } }]);
});

test("an edit without an answer is refused, and the question stays open", async () => {
  const { client, execution, request } = await askAboutColour();

  const refusal = await ask(client, "edit", { request_id: request.request_id, edited_args: { question: "What?" } });
  await ask(client, "reject", { request_id: request.request_id });
  await client.end(execution);

  expect(refusal).toMatchObject({ type: "error", data: { code: "invalid_arguments" } });
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: false, error: { code: "rejected" } }]);
});
