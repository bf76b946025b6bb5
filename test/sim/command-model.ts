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
    async respond({ messages }, { signal, meter }) {
      const metered = await meter?.begin(100);
      await new Promise<void>((resolve, reject) => {
        setTimeout(resolve, world.random(30));
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      if (world.random(1000) < world.weather.modelFails) {
        // Nobody can tell what a request that failed has cost, or it says so.
        if (world.random(2) === 0) metered?.end(undefined);
        throw new PaygentError(world.pick(["model_failed", "unavailable"]), "The model does not answer.");
      }
      metered?.end({ inputTokens: 100, cachedTokens: 20, outputTokens: 10 });
      const command = messages.findLast((message) => message.role === "user")?.text ?? "";
      const done = messages.filter((message) => message.role === "assistant" && message.toolCalls.length > 0).length;
      const step = command.split(" ; ")[done];
      if (step === undefined) return { text: "Done.", calls: [], success: true };
      const calls = step.split(" && ").map((call) => {
        const [name = "", ...rest] = call.split(" ");
        // The commands of a simulation are valid.
        return { name, args: JSON.parse(rest.join(" ") || "{}") as Record<string, unknown> };
      });
      return { text: "", calls, success: true };
    },
  };
}
