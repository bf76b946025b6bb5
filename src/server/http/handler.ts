import type { Readable } from "node:stream";
import type * as z from "zod";
import type { RouteName, routes } from "../../protocol/routes.ts";
import type { Identity } from "../auth.ts";

type Table = typeof routes;
type Parsed<Name extends RouteName, Part extends "params" | "query" | "body"> =
  Table[Name] extends Readonly<Record<Part, infer Schema extends z.ZodType>> ? z.output<Schema> : undefined;

/** A request that has been authenticated, authorized and checked against its route's schemas. */
export interface Call<Name extends RouteName> {
  readonly identity: Table[Name]["scope"] extends "none" ? undefined : Identity;
  readonly params: Parsed<Name, "params">;
  readonly query: Parsed<Name, "query">;
  readonly body: Parsed<Name, "body">;
  /** One header by its name in lower case. */
  header(name: string): string | undefined;
}

/** What a route answers: a value, JSON text that is ready, a table, a stream of events, or nothing. */
export type Answer =
  | { readonly kind: "value"; readonly status: number; readonly value: unknown; readonly location?: string }
  | { readonly kind: "text"; readonly status: number; readonly text: string; readonly location?: string }
  | { readonly kind: "csv"; readonly text: string; readonly fileName: string }
  | { readonly kind: "stream"; readonly stream: Readable }
  | { readonly kind: "empty" };

export type Handlers<Names extends RouteName = RouteName> = {
  readonly [Name in Names]: (call: Call<Name>) => Promise<Answer>;
};

export function value(status: number, body: unknown, location?: string): Answer {
  return { kind: "value", status, value: body, ...(location === undefined ? {} : { location }) };
}
