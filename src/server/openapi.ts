import { type ErrorCode, httpStatus } from "../protocol/errors.ts";
import { Problem } from "../protocol/resources.ts";
import type { Route } from "../protocol/routes/route.ts";
import { routes } from "../protocol/routes.ts";
import { type JsonSchema, SchemaCollection } from "./json-schemas.ts";

/** Codes that any route can answer with, and those of any route that wants a credential. */
const commonCodes: readonly ErrorCode[] = ["rate_limited", "internal", "unavailable"];
const credentialCodes: readonly ErrorCode[] = ["unauthenticated", "forbidden"];

/** The OpenAPI 3.1 document of the HTTP API, made from the same table as the routes themselves. */
export function openApiDocument(): JsonSchema {
  const schemas = new SchemaCollection();
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(name, route, schemas) };
  }
  schemas.output(Problem);
  return {
    openapi: "3.1.0",
    info: {
      title: "Paygent",
      version: "1",
      description:
        "The control plane for AI agents that spend money. Money is a decimal string with its currency. Errors are problem details (RFC 9457) with a code out of a closed list.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A JWT, or the access token of local mode." },
        ticket: { type: "apiKey", in: "query", name: "token", description: "A single-use ticket; for streams only." },
      },
    },
  };
}

function operation(name: string, route: Route, schemas: SchemaCollection): JsonSchema {
  return {
    operationId: name,
    tags: [route.tag],
    summary: route.summary,
    ...(route.scope === "none" ? {} : { description: `Needs the scope \`${route.scope}\`.` }),
    security: security(route),
    parameters: parameters(route, schemas),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body, schemas) }),
    responses: { ...responses(route, schemas), ...problems(route) },
  };
}

function security(route: Route): JsonSchema[] {
  if (route.scope === "none") return [];
  return route.streams ? [{ bearer: [] }, { ticket: [] }] : [{ bearer: [] }];
}

function parameters(route: Route, schemas: SchemaCollection): JsonSchema[] {
  const list: JsonSchema[] = [];
  for (const place of ["path", "query"] as const) {
    const schema = place === "path" ? route.params : route.query;
    for (const [name, field] of Object.entries(schema?.shape ?? {})) {
      if (route.streams && name === "token") continue; // It is a security scheme.
      const required = !field.safeParse(undefined).success;
      list.push({ name, in: place, required, schema: parameterSchema(schemas.input(field)) });
    }
  }
  const header = (name: string, description: string, schema: JsonSchema) => ({
    name,
    in: "header",
    required: false,
    description,
    schema,
  });
  if (route.method === "post" && !route.isSecret) {
    const description =
      "The same key with the same content gets the first answer again; with other content, `conflict`.";
    list.push(header("Idempotency-Key", description, { type: "string", minLength: 1, maxLength: 200 }));
  }
  if (route.streams) {
    list.push(header("Last-Event-ID", "The seq to go on from, for a stream.", { type: "integer", minimum: 0 }));
  }
  return list;
}

/** A number in an address is text, with a pattern and a default in quotes; its readers see it as the number it is. */
function parameterSchema(schema: JsonSchema): JsonSchema {
  if (schema.type !== "integer") return schema;
  const { pattern: _pattern, ...rest } = schema;
  return { ...rest, default: Number(schema.default) };
}

function requestBody(body: NonNullable<Route["body"]>, schemas: SchemaCollection): JsonSchema {
  return {
    required: !body.safeParse(undefined).success,
    content: { "application/json": { schema: schemas.input(body) } },
  };
}

function responses(route: Route, schemas: SchemaCollection): Record<string, JsonSchema> {
  const entries = Object.entries(route.responses).map(([status, { description, schema }]): [string, JsonSchema] => {
    if (schema === undefined) return [status, { description }];
    const content: Record<string, JsonSchema> = { "application/json": { schema: schemas.output(schema) } };
    if (route.hasCsv) content["text/csv"] = { schema: { type: "string" } };
    if (route.streams) content["text/event-stream"] = { schema: { type: "string" } };
    return [status, { description, content }];
  });
  return Object.fromEntries(entries);
}

function problems(route: Route): Record<string, JsonSchema> {
  const codes = [...route.errors, ...commonCodes, ...(route.scope === "none" ? [] : credentialCodes)];
  if (route.body !== undefined) codes.push("invalid_json", "invalid_message", "message_too_large");
  // Codes that share a status are told apart by the problem's `code`.
  const byStatus = Map.groupBy(new Set(codes), httpStatus);
  const entries = [...byStatus].map(([status, group]): [string, JsonSchema] => [
    String(status),
    {
      description: group.join(", "),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    },
  ]);
  return Object.fromEntries(entries.filter(([status]) => !(Number(status) in route.responses)));
}
