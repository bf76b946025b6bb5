import type * as z from "zod";

export type Env = Readonly<Record<string, string | undefined>>;

/** The text of a variable without the space around it; an empty one is an absent one. */
export function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

/** A variable that must fit a schema. Throws a sentence that names it, never its value: it may be a secret. */
export function check<T>(env: Env, name: string, schema: z.ZodType<T>, expected: string): T | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${name} must be ${expected}; it is set to something else.`);
}
