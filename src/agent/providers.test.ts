import { expect, test } from "vitest";
import { startAnthropicStub } from "../../test/support/anthropic-stub.ts";
import { resolveModel } from "./providers.ts";

test.each(["rules", "anthropic/claude-x", "openai/gpt-x", "google/gemini-x", "openai-compatible/org/model:8b"])(
  "%s is a model",
  (spec) => {
    const env = {
      ANTHROPIC_API_KEY: "k",
      OPENAI_API_KEY: "k",
      GOOGLE_GENERATIVE_AI_API_KEY: "k",
      PAYGENT_MODEL_URL: "http://127.0.0.1:1/v1",
    };

    expect(resolveModel(spec, env).name).toBe(spec);
  },
);

test.each(["", "Rules", "anthropic", "anthropic/", "/x", "toString/x", "mistral/large", "anthropic/a b", "rules/x"])(
  "%j is refused with what is possible",
  (spec) => {
    const sentence = /PAYGENT_MODEL ".*" is not known; it can be rules, anthropic\/<model>/;

    expect(() => resolveModel(spec, { ANTHROPIC_API_KEY: "k" })).toThrow(sentence);
  },
);

test.each([
  ["anthropic/x", "ANTHROPIC_API_KEY"],
  ["openai/x", "OPENAI_API_KEY"],
  ["google/x", "GOOGLE_GENERATIVE_AI_API_KEY"],
  ["openai-compatible/x", "PAYGENT_MODEL_URL"],
])("%s without its setting is refused by the name of %s", (spec, variable) => {
  expect(() => resolveModel(spec, {})).toThrow(variable);
});

test("a URL with credentials in it is refused without being repeated", () => {
  const env = { PAYGENT_MODEL_URL: "http://user:canary@127.0.0.1/v1" };

  expect(() => resolveModel("openai-compatible/x", env)).toThrow(/^PAYGENT_MODEL_URL is no http or https URL/);
});

test("a hosted model is reached at its base URL with its key", async () => {
  const stub = await startAnthropicStub([{ text: "Hello." }]);
  const model = resolveModel("anthropic/claude-x", { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: stub.url });

  const reply = await model.respond(
    { instructions: "", messages: [{ role: "user", text: "Hi" }], tools: [] },
    { signal: new AbortController().signal, onText: () => {} },
  );
  await stub.close();

  expect(reply).toMatchObject({ text: "Hello.", success: true });
  expect(stub.requests[0]?.headers["x-api-key"]).toBe("k");
  expect(stub.requests[0]?.body.model).toBe("claude-x");
});
