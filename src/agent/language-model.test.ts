import { createAnthropic } from "@ai-sdk/anthropic";
import { afterEach, expect, test } from "vitest";
import { type AnthropicStub, type StubScript, startAnthropicStub } from "../../test/support/anthropic-stub.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { AgentModel, ModelRequest } from "../runtime/agent-model.ts";
import { type LanguageModelOptions, languageModel } from "./language-model.ts";

const request: ModelRequest = {
  instructions: "You spend money with care.",
  messages: [{ role: "user", text: "buy the news" }],
  tools: [
    {
      name: "pay_service",
      description: "Buys.",
      inputSchema: { type: "object", properties: { service: { type: "string" } }, required: ["service"] },
    },
  ],
};

const stubs: AnthropicStub[] = [];

afterEach(async () => {
  for (const stub of stubs.splice(0)) await stub.close();
});

async function hosted(
  script: StubScript,
  options: Partial<LanguageModelOptions> = {},
): Promise<{ stub: AnthropicStub; model: AgentModel; delays: number[] }> {
  const stub = await startAnthropicStub(script);
  stubs.push(stub);
  const delays: number[] = [];
  const provider = createAnthropic({ baseURL: stub.url, apiKey: "sk-ant-canary-key" });
  const model = languageModel(provider("claude-stub"), {
    name: "anthropic/claude-stub",
    delay: async (ms) => delays.push(ms),
    ...options,
  });
  return { stub, model, delays };
}

async function respond(model: AgentModel, given: ModelRequest = request) {
  const deltas: string[] = [];
  const reply = await model.respond(given, {
    signal: new AbortController().signal,
    onText: (delta) => deltas.push(delta),
  });
  return { reply, deltas };
}

async function failureOf(promise: Promise<unknown>): Promise<PaygentError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PaygentError)) throw new Error("A PaygentError was expected.", { cause: error });
  return error;
}

test("text is passed on as it streams and is whole in the reply", async () => {
  const { model } = await hosted([{ text: ["All ", "is ", "bought."] }]);

  const { reply, deltas } = await respond(model);

  expect(deltas).toEqual(["All ", "is ", "bought."]);
  expect(reply).toEqual({ text: "All is bought.", calls: [], success: true });
});

test("the provider is given the instructions, the tools and the plan tool", async () => {
  const { model, stub } = await hosted([{ text: "Yes." }]);

  await respond(model);

  const body = stub.requests[0]?.body;
  expect(JSON.stringify(body?.system)).toContain("You spend money with care.");
  expect(body?.tools?.map((tool) => tool.name)).toEqual(["pay_service", "plan"]);
});

test("the provider is given earlier commands, calls and results, and a result for an unanswered call", async () => {
  const { model, stub } = await hosted([{ text: "Yes." }]);

  await respond(model, {
    ...request,
    messages: [
      { role: "user", text: "an earlier command" },
      {
        role: "assistant",
        text: "",
        toolCalls: [
          { toolId: "a1", name: "pay_service", args: { service: "news" } },
          { toolId: "a2", name: "pay_service", args: { service: "status" } },
        ],
      },
      { role: "tool", toolId: "a1", name: "pay_service", success: true, result: { body: "The news." } },
      { role: "user", text: "a later command" },
    ],
  });

  const sent = JSON.stringify(stub.requests[0]?.body.messages);
  expect(sent).toContain("an earlier command");
  expect(sent).toContain("The news.");
  expect(sent).toContain('"tool_use_id":"a2"');
  expect(sent.indexOf("a later command")).toBeGreaterThan(sent.indexOf("an earlier command"));
});

test("several calls of one step are all given", async () => {
  const { model } = await hosted([
    {
      text: "Two things.",
      calls: [
        { name: "pay_service", args: { service: "news" } },
        { name: "pay_service", args: { service: "status" } },
      ],
    },
  ]);

  const { reply } = await respond(model);

  expect(reply.calls).toEqual([
    { name: "pay_service", args: { service: "news" } },
    { name: "pay_service", args: { service: "status" } },
  ]);
  expect(reply.success).toBe(true);
});

test.each(['{"service": "new', "[1, 2]", '"news"', "null", "12"])("arguments %s are no arguments", async (rawArgs) => {
  const { model } = await hosted([{ calls: [{ name: "pay_service", rawArgs }] }]);

  const { reply } = await respond(model);

  expect(reply.calls).toEqual([{ name: "pay_service", args: undefined }]);
});

test("a plan call becomes the plan and never a call", async () => {
  const steps = [{ title: "Buy the news", status: "in_progress" }];
  const { model } = await hosted([
    {
      calls: [
        { name: "plan", args: { steps } },
        { name: "pay_service", args: { service: "news" } },
      ],
    },
  ]);

  const { reply } = await respond(model);

  expect(reply.plan).toEqual(steps);
  expect(reply.calls.map((call) => call.name)).toEqual(["pay_service"]);
});

test("a model that only states a plan is asked to go on", async () => {
  const steps = [{ title: "Buy the news", status: "pending" }];
  const { model, stub } = await hosted([
    { text: "First a plan.", calls: [{ name: "plan", args: { steps } }] },
    { text: "Now the news.", calls: [{ name: "pay_service", args: { service: "news" } }] },
  ]);

  const { reply, deltas } = await respond(model);

  expect(stub.requests).toHaveLength(2);
  expect(reply).toMatchObject({
    plan: steps,
    calls: [{ name: "pay_service" }],
    text: "First a plan.\n\nNow the news.",
  });
  expect(deltas.join("")).toBe(reply.text);
});

test.each(["max_tokens", "refusal"] as const)("an answer that stops for %s is no success", async (stop) => {
  const { model } = await hosted([{ text: "Half of", stop }]);

  const { reply } = await respond(model);

  expect(reply.success).toBe(false);
});

test("a 429 is repeated after the time that the provider names", async () => {
  const { model, stub, delays } = await hosted([{ status: 429, headers: { "retry-after": "7" } }, { text: "Done." }]);

  const { reply } = await respond(model);

  expect(reply.text).toBe("Done.");
  expect(delays).toEqual([7000]);
  expect(stub.requests).toHaveLength(2);
});

test("a 429 that asks for an hour is not waited for", async () => {
  const { model, delays } = await hosted([{ status: 429, headers: { "retry-after": "3600" } }]);

  const error = await failureOf(respond(model));

  expect(error.code).toBe("model_failed");
  expect(delays).toEqual([]);
});

test.each([500, 529])("a %d is repeated", async (status) => {
  const { model } = await hosted([{ status }, { text: "Done." }]);

  const { reply } = await respond(model);

  expect(reply.text).toBe("Done.");
});

test("a provider that answers 500 for ever fails the model after three tries", async () => {
  const { model, stub } = await hosted([{ status: 500 }]);

  const error = await failureOf(respond(model));

  expect(error.code).toBe("model_failed");
  expect(error.message).toBe(
    "The model anthropic/claude-stub failed after 3 tries: its provider answered HTTP 500. " +
      "Try again later, or choose another model.",
  );
  expect(stub.requests).toHaveLength(3);
});

test("a refused key is not tried again, and neither the key nor the URL is in the error", async () => {
  const { model, stub } = await hosted([{ status: 401, message: "invalid x-api-key: sk-ant-canary-key" }]);

  const error = await failureOf(respond(model));

  expect(stub.requests).toHaveLength(1);
  expect(error.message).toContain("Check the provider's API key.");
  const everything = `${error.message} ${JSON.stringify(error.details)} ${String(error.cause)}`;
  expect(everything).not.toContain("canary");
  expect(everything).not.toContain("127.0.0.1");
});

async function respondWithCut(model: AgentModel, stub: AnthropicStub) {
  const deltas: string[] = [];
  const reply = await model.respond(request, {
    signal: new AbortController().signal,
    onText: (delta) => {
      deltas.push(delta);
      if (stub.requests.length === 1) stub.requests[0]?.cut();
    },
  });
  return { reply, deltas };
}

test("an answer cut off in the middle is asked for again and nothing is shown twice", async () => {
  const text = ["One, ", "two, ", "three."];
  const { model, stub } = await hosted([{ text, holdAfter: 1 }, { text }]);

  const { reply, deltas } = await respondWithCut(model, stub);

  expect(stub.requests).toHaveLength(2);
  expect(reply.text).toBe("One, two, three.");
  expect(deltas).toEqual(["One, ", "two, ", "three."]);
});

test("a repeated answer that says something else is in the reply and not shown on top of the first", async () => {
  const { model, stub } = await hosted([{ text: ["One, ", "two."], holdAfter: 1 }, { text: ["Something ", "else."] }]);

  const { reply, deltas } = await respondWithCut(model, stub);

  expect(reply.text).toBe("Something else.");
  expect(deltas).toEqual(["One, "]);
});

test("an answer that breaks off before anything was read is asked for again", async () => {
  const { model } = await hosted([{ text: "Done.", cutAfter: 0 }, { text: "Done." }]);

  const { reply, deltas } = await respond(model);

  expect(reply.text).toBe("Done.");
  expect(deltas).toEqual(["Done."]);
});

test("a provider that cannot be reached fails the model", async () => {
  const { model, stub } = await hosted([{ text: "Never." }]);
  await stub.close();

  const error = await failureOf(respond(model));

  expect(error.message).toContain("failed after 3 tries: its provider could not be reached.");
});

test("an abort in the middle of an answer rejects with its reason and closes the connection", async () => {
  const { model, stub } = await hosted([{ text: ["One, ", "two."], holdAfter: 1 }]);
  const controller = new AbortController();
  const reason = new Error("cancelled by a person");

  const responding = model.respond(request, { signal: controller.signal, onText: () => controller.abort(reason) });

  await expect(responding).rejects.toBe(reason);
  expect(await stub.requests[0]?.closed).toEqual({ isComplete: false });
});

test("an aborted signal makes no request", async () => {
  const { model, stub } = await hosted([{ text: "Never." }]);
  const reason = new Error("too late");

  await expect(model.respond(request, { signal: AbortSignal.abort(reason), onText: () => {} })).rejects.toBe(reason);

  expect(stub.requests).toHaveLength(0);
});

test("a provider that falls silent is tried again and then given up", async () => {
  const { model, stub } = await hosted([{ text: ["One, ", "two."], holdAfter: 1 }], { idleTimeoutMs: 100, retries: 1 });

  const error = await failureOf(respond(model));

  expect(error.message).toContain("said nothing for 100 ms");
  expect(stub.requests).toHaveLength(2);
});
