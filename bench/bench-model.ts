import { setImmediate } from "node:timers/promises";
import * as z from "zod";
import type { AgentModel } from "../src/runtime/agent-model.ts";
import type { Tool } from "../src/runtime/tool.ts";

/** How many deltas a model's network read brings at once. */
export const deltasPerRead = 16;

/** Answers at once: `stream <n>` says n words, `calls <n>` calls `noop` n times, `hold` that, anything else `noop` once. */
export const benchModel: AgentModel = {
  name: "bench",
  ignoresHistory: true,
  async respond({ messages }, { onText }) {
    if (messages.at(-1)?.role === "tool") return { text: "Done.", calls: [], success: true };
    const command = messages.findLast((message) => message.role === "user")?.text ?? "";
    const [word, count] = command.split(" ");
    if (word !== "stream") {
      const name = word === "hold" ? "hold" : "noop";
      const calls = Array.from({ length: word === "calls" ? Number(count) : 1 }, () => ({ name, args: {} }));
      return { text: "", calls, success: true };
    }
    for (let said = 0; said < Number(count); said++) {
      onText(" word");
      if (said % deltasPerRead === deltasPerRead - 1) await setImmediate();
    }
    return { text: "Done.", calls: [], success: true };
  },
};

/** Does nothing, as often as it is called. */
export const noop: Tool = {
  name: "noop",
  description: "Does nothing.",
  args: z.strictObject({}),
  effect: "read",
  run: async () => ({ ok: true }),
};

/** Is not done before whoever began with it is dead and another repeats it. */
export const hold: Tool = {
  name: "hold",
  description: "Waits for its server to be killed.",
  args: z.strictObject({}),
  effect: "read",
  async run(_args, { signal, proposedAt, now }) {
    const isRepeated = now() - proposedAt > 500;
    if (!isRepeated) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return { ok: true };
  },
};
