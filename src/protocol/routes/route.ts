import * as z from "zod";
import type { ErrorCode } from "../errors.ts";
import { Id } from "../ids.ts";
import type { Scope } from "../scope.ts";

/** One HTTP operation: what the server registers, what it checks, and what /openapi.json says of it. */
export interface Route {
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: `/${string}`;
  readonly tag: string;
  readonly summary: string;
  /** What the credential must allow; `none` needs no credential. */
  readonly scope: Scope | "none";
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType }>>;
  /** Beside those that every route can answer with. */
  readonly errors: readonly ErrorCode[];
  /** Also answers as a stream when asked for `text/event-stream`; its credential may then stand in `?token=`. */
  readonly streams?: true;
  /** Also answers as `text/csv`, when asked for it by `Accept` or `format=csv`. */
  readonly hasCsv?: true;
  /** The answer holds a secret, so it is not kept for a repeated `Idempotency-Key`. */
  readonly isSecret?: true;
}

export const wholeNumber = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .prefault(String(fallback))
    .meta({ type: "integer", minimum: min, maximum: max, default: fallback });

const limit = wholeNumber(1, 200, 50);
const cursor = z.string().min(1).max(200).optional();
export const paging = { cursor, limit };
export const ofSession = z.strictObject({ session_id: Id });
export const ofExecution = z.strictObject({ execution_id: Id });
export const ofRequest = z.strictObject({ request_id: Id });
export const Timestamp = z.iso.datetime();
