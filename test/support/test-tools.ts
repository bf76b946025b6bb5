import * as z from "zod";
import type { Tool, ToolContext } from "../../src/runtime/tool.ts";

type Run = (args: Readonly<Record<string, unknown>>, context: ToolContext) => unknown;

const AnyArgs = z.record(z.string(), z.unknown());

/** A tool that only reads. */
export function readTool(name: string, run: Run): Tool {
  return { name, description: "Reads.", args: AnyArgs, effect: "read", run: async (...given) => run(...given) };
}

/** A tool that changes something outside. */
export function writeTool(name: string, run: Run): Tool {
  return { name, description: "Writes.", args: AnyArgs, effect: "write", run: async (...given) => run(...given) };
}
