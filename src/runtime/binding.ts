import { hash } from "node:crypto";

/**
 * What an approval is bound to: the tool, the arguments as shown, and the payment terms as quoted. Checked
 * again before the call runs, so that nothing else can run in its name.
 */
export function boundHash(
  toolName: string,
  args: Readonly<Record<string, unknown>>,
  terms: string | undefined,
): string {
  return hash("sha256", JSON.stringify([toolName, canonical(args), terms ?? null]));
}

/** The same content gives the same text, whatever the order of its keys. */
export function contentHash(content: unknown): string {
  return hash("sha256", JSON.stringify(canonical(content)));
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, canonical(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
