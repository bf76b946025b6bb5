import type {
  AgentModel,
  ModelReply,
  ModelRequest,
  ModelUsage,
  RespondOptions,
} from "../../src/runtime/agent-model.ts";

/** One reply of a scripted model, or a function that makes it. */
export type ScriptedReply =
  | Said
  | ((request: ModelRequest, options: RespondOptions) => Promise<Partial<ModelReply>> | Partial<ModelReply>);

/** A reply, and what it took where it has a price. */
type Said = Partial<ModelReply> & { readonly usage?: ModelUsage };

/** A model that says what a test wants, and remembers what it was asked. The last reply is repeated. */
export interface ScriptedModel extends AgentModel {
  readonly requests: ModelRequest[];
}

export function scriptedModel(...replies: readonly ScriptedReply[]): ScriptedModel {
  const requests: ModelRequest[] = [];
  return {
    name: "scripted",
    requests,
    async respond(request, options) {
      const reply = replies[Math.min(requests.length, replies.length - 1)] ?? {};
      requests.push(request);
      if (typeof reply === "function")
        return { text: "", calls: [], success: true, ...(await reply(request, options)) };
      const { usage, ...said } = reply;
      const metered = await options.meter?.begin(Buffer.byteLength(JSON.stringify(request)));
      metered?.end(usage);
      return { text: "", calls: [], success: true, ...said };
    },
  };
}

/**
 * A model that calls one tool for every command and then says it is done: the command is
 * `<tool name> <JSON arguments>`, several of them separated by ` && ` are asked for in one step.
 */
export function callingModel(): AgentModel {
  return {
    name: "calling",
    ignoresHistory: true,
    async respond({ messages }, { signal }) {
      signal.throwIfAborted();
      const results = messages.filter((message) => message.role === "tool");
      if (results.length > 0) {
        return { text: "Done.", calls: [], success: results.every((result) => result.success) };
      }
      const command = messages.findLast((message) => message.role === "user")?.text ?? "";
      const calls = command.split(" && ").map((call) => {
        const [name = "", ...rest] = call.split(" ");
        // The tests write valid JSON objects.
        return { name, args: JSON.parse(rest.join(" ") || "{}") as Record<string, unknown> };
      });
      return { text: "", calls, success: true };
    },
  };
}
