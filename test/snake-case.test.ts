import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { builtInTools } from "../src/agent/built-in-tools.ts";
import { durableEvents, liveEvents } from "../src/protocol/events.ts";
import { messageTypes } from "../src/protocol/messages.ts";
import { routes } from "../src/protocol/routes.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { allSchemas } from "./support/zod-schemas.ts";

const folder = new URL("../src/protocol/", import.meta.url);
/** What the store keeps of a payment. None of it goes over the wire. */
const neverOnTheWire = "payment.ts";
/** The version that is spoken, a WebSocket subprotocol and not one of our words. */
const subprotocol = "paygent.v1";

const snakeCase = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

const files = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const exported = await Promise.all(
  files
    .filter((name) => name !== neverOnTheWire)
    .map(async (name): Promise<[string, Record<string, unknown>]> => [name, await import(new URL(name, folder).href)]),
);
const schemas = exported.flatMap(([file, names]) =>
  Object.entries(names).flatMap(([name, value]) => schemasIn(value, `${file} ${name}`)),
);

/** The schemas in what a file exports: one itself, or the values of a table such as `durableEvents` or `routes`. */
function schemasIn(value: unknown, place: string): [string, z.ZodType][] {
  if (value instanceof z.ZodType) return [[place, value]];
  if (typeof value !== "object" || value === null || Symbol.iterator in value) return [];
  return Object.entries(value).flatMap(([key, inner]) => schemasIn(inner, `${place}.${key}`));
}

/** The words that a schema puts on the wire: keys of objects, and values that it lists. */
function wordsOf(schema: z.ZodType): string[] {
  return [...allSchemas(schema)].flatMap((part) => {
    if (part instanceof z.ZodObject) return Object.keys(part.shape);
    if (part instanceof z.ZodEnum) return part.options.map(String);
    if (part instanceof z.ZodLiteral) return [...part.values].filter((value) => typeof value === "string");
    return [];
  });
}

test("the files of the protocol export schemas", () => {
  const places = schemas.map(([place]) => place);

  expect(places).toEqual(
    expect.arrayContaining([
      "messages.ts ClientMessage",
      "events.ts durableEvents.tool_call",
      "resources.ts Session",
      "routes.ts routes.readEvents.query",
      "session-config.ts SessionConfig",
    ]),
  );
  expect(places.length).toBeGreaterThan(80);
});

test.each(schemas)("every key and listed value of %s is in snake case", (_place, schema) => {
  const words = wordsOf(schema);

  const strange = words.filter((word) => word !== subprotocol && !snakeCase.test(word));

  expect(strange).toEqual([]);
});

test("every type of message and event is in snake case", () => {
  const types = [...messageTypes, ...Object.keys(durableEvents), ...Object.keys(liveEvents)];

  const strange = types.filter((type) => !snakeCase.test(type));

  expect(strange).toEqual([]);
});

test("every parameter in the path of a route is in snake case", () => {
  const parameters = Object.values(routes).flatMap(({ path }) => [...path.matchAll(/\{([^}]*)\}/g)]);

  const strange = parameters.map(([, name = ""]) => name).filter((name) => !snakeCase.test(name));

  expect(strange).toEqual([]);
});

test("the name and the arguments of every built-in tool are in snake case", () => {
  const tools = builtInTools(fakeWorld());

  const words = tools.flatMap((tool) => [tool.name, ...wordsOf(tool.args)]);

  const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
  expect(words.filter((word) => !snakeCase.test(word) && !methods.includes(word))).toEqual([]);
});
