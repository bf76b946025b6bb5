import * as z from "zod";
import type { ToolSpec } from "./agent-model.ts";
import type { Tool } from "./tool.ts";

const specs = new WeakMap<Tool, ToolSpec>();

/** The tools as a model is shown them. */
export function toolSpecs(tools: ReadonlyMap<string, Tool>): ToolSpec[] {
  return [...tools.values()].map((tool) => {
    let spec = specs.get(tool);
    if (spec === undefined) {
      const { $schema: _, ...inputSchema } = z.toJSONSchema(tool.args, { io: "input" });
      spec = { name: tool.name, description: tool.description, inputSchema };
      specs.set(tool, spec);
    }
    return spec;
  });
}
