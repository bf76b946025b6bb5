import * as z from "zod";
import { PlanStep } from "../protocol/events.ts";
import type { ToolSpec } from "../runtime/agent-model.ts";

const PlanArgs = z.object({
  steps: z
    .array(z.object({ title: z.string().min(1).max(500), status: PlanStep.shape.status.catch("pending") }))
    .min(1)
    .max(50),
});
const { $schema: _, ...inputSchema } = z.toJSONSchema(PlanArgs, { io: "input" });

/** The tool by which a model states its plan; it is never run, its arguments become the reply's plan. */
export const planTool: ToolSpec = {
  name: "plan",
  description:
    "State or restate your plan: all of its steps, each with its present status. Call it once before the first of " +
    "several steps, and again, together with the next call, whenever a status changes. It does nothing else.",
  inputSchema,
};

/** The steps of a plan call's arguments; undefined when they are no plan. */
export function readPlan(args: unknown): readonly PlanStep[] | undefined {
  const parsed = PlanArgs.safeParse(args);
  return parsed.success ? parsed.data.steps : undefined;
}
