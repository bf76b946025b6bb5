import type { LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import * as z from "zod";
import type { PlanStep } from "../protocol/events.ts";

const PlanArgs = z.object({
  steps: z
    .array(
      z.object({
        title: z.string().min(1).max(500),
        status: z.enum(["pending", "in_progress", "done", "skipped"]).catch("pending"),
      }),
    )
    .min(1)
    .max(50),
});

/** The tool by which a model states its plan; it is never run, its arguments become the reply's plan. */
export const planTool: LanguageModelV4FunctionTool = {
  type: "function",
  name: "plan",
  description:
    "State or restate your plan: all of its steps, each with its present status. Call it once before the first of " +
    "several steps, and again, together with the next call, whenever a status changes. It does nothing else.",
  inputSchema: {
    type: "object",
    additionalProperties: false,
    required: ["steps"],
    properties: {
      steps: {
        type: "array",
        minItems: 1,
        maxItems: 50,
        items: {
          type: "object",
          additionalProperties: false,
          required: ["title", "status"],
          properties: {
            title: { type: "string" },
            status: { type: "string", enum: ["pending", "in_progress", "done", "skipped"] },
          },
        },
      },
    },
  },
};

/** The steps of a plan call's arguments; undefined when they are no plan. */
export function readPlan(args: unknown): readonly PlanStep[] | undefined {
  const parsed = PlanArgs.safeParse(args);
  return parsed.success ? parsed.data.steps : undefined;
}
