import { hash } from "node:crypto";

/** Everything that a decision is about. The terms of payment hold network, asset, payee, amount and resource. */
export interface Bound {
  readonly toolName: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly payee: string | undefined;
  readonly terms: string | undefined;
  readonly expiresAt: string;
  readonly policyVersion: number;
}

/**
 * What an approval is bound to: the tool, the arguments as shown, the payee, the payment terms as quoted, until
 * when it holds and under which policy it was asked. Checked again before the call runs, so that nothing else
 * can run in its name.
 */
export function boundHash({ toolName, args, payee, terms, expiresAt, policyVersion }: Bound): string {
  const bound = [toolName, canonical(args), payee ?? null, terms ?? null, expiresAt, policyVersion];
  return hash("sha256", JSON.stringify(bound));
}

/** The same content gives the same text, whatever the order of its keys. */
export function contentHash(content: unknown): string {
  return hash("sha256", JSON.stringify(canonical(content)));
}

/** The same content with its keys in one order. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, canonical(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
