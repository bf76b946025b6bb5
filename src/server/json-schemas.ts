import * as z from "zod";
import * as events from "../protocol/events.ts";
import * as resources from "../protocol/resources.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What stands under `components/schemas` by its name; everything else is written where it is used. */
const named = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries({
  Session: resources.Session,
  Execution: resources.Execution,
  Approval: resources.Approval,
  Service: resources.Service,
  ToolInfo: resources.ToolInfo,
  WalletInfo: resources.WalletInfo,
  SpendRuleInfo: resources.SpendRuleInfo,
  LogEntry: resources.LogEntry,
  LogSummary: resources.LogSummary,
  Ticket: resources.Ticket,
  Problem: resources.Problem,
  EventFrame: resources.EventFrame,
  Budget: events.Budget,
  Cost: events.Cost,
})) {
  named.add(schema, { id });
}

/** Collects JSON Schemas of a document: named ones are written once, into `components`, and referred to. */
export class SchemaCollection {
  readonly components: Record<string, JsonSchema> = {};

  /** The schema of what the server sends. */
  output(schema: z.ZodType): JsonSchema {
    const { $defs = {}, ...json } = z.toJSONSchema(schema, { io: "output", metadata: named, unrepresentable: "any" });
    for (const [id, definition] of Object.entries($defs)) this.components[id] ??= tidy(definition);
    const id = named.get(schema)?.id;
    if (id === undefined) return tidy(json);
    this.components[id] ??= tidy(json);
    return { $ref: `#/components/schemas/${id}` };
  }

  /** The schema of what a client may send. */
  input(schema: z.ZodType): JsonSchema {
    return tidy(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  }
}

/** What only Zod reads goes, as does a pattern that repeats a format; references point into the document. */
function tidy(json: object): JsonSchema {
  return JSON.parse(
    JSON.stringify(json, function (this: JsonSchema, key, value: unknown) {
      if (typeof value !== "string") return value;
      if (key === "$schema" || key === "id") return undefined;
      if (key === "pattern" && typeof this.format === "string") return undefined;
      return key === "$ref" ? value.replace("#/$defs/", "#/components/schemas/") : value;
    }),
  ) as JsonSchema; // An object goes in, and one comes out.
}
