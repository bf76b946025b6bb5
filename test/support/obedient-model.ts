import type { AgentModel } from "../../src/runtime/agent-model.ts";

const order = /\bCALL ([a-z_]+)((?: [a-z_]+=[^\s"\\]+)*)/g;

/**
 * A model without any judgement: it does whatever a text tells it, whoever wrote the text. An order is
 * `CALL <tool> <name>=<value> …`; the command is one text, and so is everything that a tool answers.
 */
export function obedientModel(): AgentModel {
  return {
    name: "obedient",
    ignoresHistory: true,
    async respond({ messages }) {
      const lastSaid = messages.findLastIndex(({ role }) => role === "assistant");
      const heard = JSON.stringify(messages.slice(lastSaid + 1));
      const calls = [...heard.matchAll(order)].map(([, name = "", args = ""]) => ({
        name,
        args: Object.fromEntries(
          args
            .trim()
            .split(" ")
            .filter(Boolean)
            .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
        ),
      }));
      return { text: calls.length === 0 ? "Done." : "", calls, success: true };
    },
  };
}
