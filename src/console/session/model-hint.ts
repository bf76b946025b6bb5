/** What a command may be, by the model that reads it. */
export function modelHint(model: string | undefined): string {
  if (model === undefined) return "Enter runs it; the arrow keys bring earlier commands back.";
  if (model !== "rules") return `Read by ${model}. Enter runs it, Shift+Enter makes a new line.`;
  return "Rule set: pay <amount> USDC to <service> · buy · check balance · find services · fetch · wait · research · ask me; join with then";
}
