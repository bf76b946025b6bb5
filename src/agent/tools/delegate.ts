import * as z from "zod";
import type { Subagent, Tool } from "../../runtime/tool.ts";

/** Hands a task to one of the subagents. */
export function delegate(subagents: readonly Subagent[]): Tool {
  return {
    name: "delegate",
    description:
      "Hand a task to a subagent and get its result: researcher takes a topic and finds out about it with paid " +
      'services; payer takes one payment, such as "pay 0.10 USDC to market-data".',
    args: z.strictObject({
      agent: z.enum(subagents.map((subagent) => subagent.name)),
      task: z.string().min(1).max(4000),
    }),
    effect: "delegate",
  };
}
