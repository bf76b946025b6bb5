import { PaygentError } from "../../src/protocol/errors.ts";
import type { AgentModel } from "../../src/runtime/agent-model.ts";
import type { World } from "./world.ts";

/**
 * A model that does what a command says: steps are separated by ` ; `, the calls of one by ` && `, and a call is
 * `<tool name> <JSON arguments>`. It takes its time, and may fail.
 */
export function commandModel(world: World): AgentModel {
  return {
    name: "command",
    ignoresHistory: true,
    async respond({ messages }, { signal }) {
      await new Promise<void>((resolve, reject) => {
        setTimeout(resolve, world.random(30));
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      if (world.random(1000) < world.weather.modelFails) {
        throw new PaygentError(world.pick(["model_failed", "unavailable"]), "The model does not answer.");
      }
      const usage = { inputTokens: 100, outputTokens: 10 };
      const command = messages.findLast((message) => message.role === "user")?.text ?? "";
      const done = messages.filter((message) => message.role === "assistant" && message.toolCalls.length > 0).length;
      const step = command.split(" ; ")[done];
      if (step === undefined) return { text: "Done.", calls: [], success: true, usage };
      const calls = step.split(" && ").map((call) => {
        const [name = "", ...rest] = call.split(" ");
        // The commands of a simulation are valid.
        return { name, args: JSON.parse(rest.join(" ") || "{}") as Record<string, unknown> };
      });
      return { text: "", calls, success: true, usage };
    },
  };
}
