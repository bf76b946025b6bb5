/** What the rule set understands: the forms of src/agent/grammar.ts, as short as they can be said. */
export const ruleForms = [
  "pay <amount> USDC to <service or 0x address>",
  "buy <service>",
  "transfer <amount> USDC to <0x address>",
  "check balance",
  "find services [for <words>]",
  "fetch <url>",
  "wait <n> seconds",
  "research <topic>",
  "ask me <question>",
] as const;

/** Who reads a command, and what it may be. */
export function modelHint(model: string | undefined): string {
  if (model === undefined) return "Enter runs it; the arrow keys bring earlier commands back.";
  if (model !== "rules") return `Read by ${model}. Enter runs it, Shift+Enter makes a new line.`;
  return `Read by the rule set, which understands: ${ruleForms.join(" · ")}. Join steps with “then”.`;
}
