import type { LanguageModelV4 } from "@ai-sdk/provider";
import type { AgentModel } from "../runtime/agent-model.ts";
import { languageModel } from "./language-model.ts";
import { rulesModel } from "./rules.ts";

type Env = Readonly<Record<string, string | undefined>>;

const choices =
  "rules, anthropic/<model>, openai/<model>, google/<model>, or openai-compatible/<model> with PAYGENT_MODEL_URL";

/**
 * The model that a `PAYGENT_MODEL` value or a session's `model` names. Checks the name, the key and the URL at
 * once and throws a sentence that names the variable; a provider's code is loaded at the first call. `isPriced`
 * says that its tokens are paid for and must be counted.
 */
export function resolveModel(spec: string, env: Env, { isPriced = false } = {}): AgentModel {
  if (spec === "rules") return languageModel(rulesModel(), { name: spec, ignoresHistory: true });
  const slash = spec.indexOf("/");
  const provider = spec.slice(0, Math.max(slash, 0));
  const id = spec.slice(slash + 1);
  if (slash < 0 || !/^[\w.:/@-]{1,200}$/.test(id)) throw unknownModel(spec);
  const load = loaderOf(provider, id, env, isPriced);
  if (!load) throw unknownModel(spec);
  return lazyModel(spec, load);
}

function loaderOf(
  provider: string,
  id: string,
  env: Env,
  isPriced: boolean,
): (() => Promise<LanguageModelV4>) | undefined {
  switch (provider) {
    case "anthropic": {
      const settings = { apiKey: keyOf(env, "ANTHROPIC_API_KEY", provider), ...baseUrl(env, "ANTHROPIC_BASE_URL") };
      return async () => (await import("@ai-sdk/anthropic")).createAnthropic(settings)(id);
    }
    case "openai": {
      const settings = { apiKey: keyOf(env, "OPENAI_API_KEY", provider), ...baseUrl(env, "OPENAI_BASE_URL") };
      return async () => (await import("@ai-sdk/openai")).createOpenAI(settings)(id);
    }
    case "google": {
      const settings = { apiKey: keyOf(env, "GOOGLE_GENERATIVE_AI_API_KEY", provider) };
      return async () => (await import("@ai-sdk/google")).createGoogle(settings)(id);
    }
    case "openai-compatible": {
      const { baseURL } = baseUrl(env, "PAYGENT_MODEL_URL");
      if (baseURL === undefined) {
        throw new Error(
          "PAYGENT_MODEL openai-compatible/… needs PAYGENT_MODEL_URL, such as http://127.0.0.1:11434/v1.",
        );
      }
      const apiKey = env.PAYGENT_MODEL_API_KEY;
      // Such a server counts tokens only when asked to, and not every one knows the question.
      const counted = isPriced ? { includeUsage: true } : {};
      const settings = { name: "openai-compatible", baseURL, ...counted, ...(apiKey ? { apiKey } : {}) };
      return async () => (await import("@ai-sdk/openai-compatible")).createOpenAICompatible(settings)(id);
    }
    default:
      return undefined;
  }
}

function lazyModel(name: string, load: () => Promise<LanguageModelV4>): AgentModel {
  let loading: Promise<AgentModel> | undefined;
  return {
    name,
    async respond(request, options) {
      loading ??= load().then((model) => languageModel(model, { name }));
      return (await loading).respond(request, options);
    },
  };
}

function keyOf(env: Env, variable: string, provider: string): string {
  const key = env[variable];
  if (!key) throw new Error(`PAYGENT_MODEL names a model of ${provider}, which needs ${variable} to be set.`);
  return key;
}

function baseUrl(env: Env, variable: string): { readonly baseURL?: string } {
  const value = env[variable];
  if (!value) return {};
  const url = URL.parse(value);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.username !== "" || url.password !== "") {
    throw new Error(`${variable} is no http or https URL without credentials.`);
  }
  return { baseURL: value };
}

function unknownModel(spec: string): Error {
  return new Error(`PAYGENT_MODEL "${spec.slice(0, 100)}" is not known; it can be ${choices}.`);
}
