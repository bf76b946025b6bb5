import type * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { Tool } from "./tool.ts";

/** A tool call whose arguments passed the tool's schema. */
export interface CheckedCall {
  readonly toolId: string;
  readonly tool: Tool;
  readonly args: Readonly<Record<string, unknown>>;
  readonly subagentId: string | undefined;
  readonly stepCapMicros?: bigint | undefined;
}

/** The arguments as the tool's schema understands them; throws `invalid_arguments`. */
export function checkArgs(tool: Tool, args: unknown): Readonly<Record<string, unknown>> {
  const parsed = tool.args.safeParse(args);
  if (parsed.success) return parsed.data;
  throw new PaygentError(
    "invalid_arguments",
    `${tool.name} was called with wrong arguments: ${issuesOf(parsed.error)}`,
  );
}

function issuesOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join(".") || "arguments"}: ${issue.message}`)
    .join("; ");
}

/** The tool of that name, or `invalid_arguments` naming those there are. */
export function toolNamed(tools: ReadonlyMap<string, Tool>, name: string): Tool {
  const tool = tools.get(name);
  if (tool !== undefined) return tool;
  throw new PaygentError(
    "invalid_arguments",
    `There is no tool "${name}". Available: ${[...tools.keys()].join(", ")}.`,
  );
}
