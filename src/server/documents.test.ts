import { Parser } from "@asyncapi/parser";
import { describe, expect, test } from "vitest";
import { durableEvents, liveEvents } from "../protocol/events.ts";
import { messageTypes } from "../protocol/messages.ts";
import { routes } from "../protocol/routes.ts";
import { asyncApiDocument } from "./asyncapi.ts";
import { openApiDocument } from "./openapi.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A document as its readers get it. */
const asJson = (document: unknown) => JSON.parse(JSON.stringify(document)) as { [key: string]: Json };

function references(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== "object" || value === null) return [];
  const own = typeof value.$ref === "string" ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

function lookUp(document: Json, pointer: string): Json | undefined {
  let value: Json | undefined = document;
  for (const part of pointer.replace(/^#\//, "").split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    value = typeof value === "object" && value !== null && !Array.isArray(value) ? value[key] : undefined;
  }
  return value;
}

describe.each([
  ["the OpenAPI document", asJson(openApiDocument())],
  ["the AsyncAPI document", asJson(asyncApiDocument())],
])("%s", (_name, document) => {
  test("refers only to what it holds", () => {
    const targets = references(document);

    expect(targets.length).toBeGreaterThan(10);
    for (const target of new Set(targets)) expect([target, lookUp(document, target)]).not.toEqual([target, undefined]);
  });
});

describe("the OpenAPI document", () => {
  const document = openApiDocument();
  const paths = asJson(document).paths as { [path: string]: { [method: string]: { [field: string]: Json } } };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

  test("has one operation for each route, under its name", () => {
    expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(routes).sort());
  });

  test("declares every parameter of a path", () => {
    for (const { path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const parameters = operation.parameters as { name: string; in: string; required: boolean }[];
      const declared = parameters.filter((parameter) => parameter.in === "path");
      expect(declared.map(({ name }) => name)).toEqual(inPath);
      expect(declared.every(({ required }) => required)).toBe(true);
    }
  });

  test("asks for a credential everywhere but on health checks", () => {
    const open = operations.filter(({ operation }) => (operation.security as Json[]).length === 0);

    expect(open.map(({ path }) => path).sort()).toEqual(["/health/live", "/health/ready"]);
  });

  test("wants no field of a request that has a default", () => {
    const body = lookUp(asJson(document), "#/paths/~1api~1v1~1sessions/post/requestBody");

    expect(body).toMatchObject({ required: false });
    expect(JSON.stringify(body)).not.toContain('"required":["budget_usd"');
  });
});

describe("the AsyncAPI document", () => {
  test("is valid AsyncAPI 3", async () => {
    const problems = await new Parser().validate(JSON.stringify(asyncApiDocument()));

    expect(problems.filter((problem) => problem.severity === 0)).toEqual([]);
  });

  test("has every message and every event", () => {
    const names = Object.keys(lookUp(asJson(asyncApiDocument()), "#/components/messages") as object);
    const live = Object.keys(liveEvents).map((type) => `live_${type}`);

    expect(names.sort()).toEqual([...messageTypes, ...Object.keys(durableEvents), ...live].sort());
  });
});
