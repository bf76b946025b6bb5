import type { Draft, Issues } from "./draft.ts";

/** What every part of the form gets. */
export interface FieldsProps {
  readonly draft: Draft;
  readonly issues: Issues;
  readonly change: (part: Partial<Draft>) => void;
}

/** An error's property for a field that may have one. */
export function errorOf(issues: Issues, field: string): { readonly error?: string } {
  const error = issues.get(field);
  return error === undefined ? {} : { error };
}
