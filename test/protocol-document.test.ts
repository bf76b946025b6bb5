import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { closeCodes } from "../src/protocol/close-codes.ts";
import { ErrorCode, httpStatus } from "../src/protocol/errors.ts";
import {
  ApprovalRequired,
  Budget,
  Cost,
  durableEvents,
  ErrorInfo,
  InFlight,
  liveEvents,
  OpenExecution,
  PayeeHistory,
  PlanStep,
  ToolCallSummary,
  Untrusted,
} from "../src/protocol/events.ts";
import { Freeze } from "../src/protocol/freeze.ts";
import { ClientMessage, PlanInput } from "../src/protocol/messages.ts";
import type { Route } from "../src/protocol/routes/route.ts";
import { routes } from "../src/protocol/routes.ts";
import { SessionConfig } from "../src/protocol/session-config.ts";
import { SpendRule } from "../src/protocol/spend-rule.ts";
import { column, type DocumentSection, protocolSections } from "./support/protocol-tables.ts";
import { allSchemas, fieldsOf } from "./support/zod-schemas.ts";

const sections = protocolSections();
const shapes: Readonly<Record<string, z.ZodObject>> = {
  plan_input: PlanInput,
  plan_step: PlanStep,
  spend_rule: SpendRule,
  approval_budget: ApprovalRequired.shape.budget,
  budget: Budget,
  cost: Cost,
  error_info: ErrorInfo,
  tool_call_summary: ToolCallSummary,
  in_flight: InFlight,
  open_execution: OpenExecution,
  payee_history: PayeeHistory,
  untrusted: Untrusted,
  frozen: Freeze,
};
/** How the fields that nearly all durable events share usually stand; PROTOCOL.md tells of them once. */
const usual: ReadonlySet<string> = new Set(["session_id", "execution_id", "subagent_id?"]);

function section(...path: string[]): DocumentSection {
  const found = sections.find((candidate) => candidate.path.join("/") === path.join("/"));
  if (found === undefined) throw new Error(`PROTOCOL.md has no section ${path.join(" / ")}.`);
  return found;
}

function childrenOf(parent: string): string[] {
  return sections.filter(({ path }) => path.length === 2 && path[0] === parent).map(({ path }) => path[1] ?? "");
}

function documented(...path: string[]): string[] {
  return column(section(...path), "field").toSorted();
}

/** The fields as the tables write them: with a question mark where they may be absent. */
function written(schema: z.ZodObject): string[] {
  return fieldsOf(schema).map(({ name, isOptional }) => (isOptional ? `${name}?` : name));
}

const messages = ClientMessage.options.map(({ shape }): [string, z.ZodObject] => [shape.type.value, shape.data]);
const durable = Object.entries<z.ZodObject>(durableEvents);
/** Headings are unique within the page, so the live forms of durable events say what they are. */
const live = Object.entries<z.ZodObject>(liveEvents).map(([type, schema]): [string, string, z.ZodObject] => [
  Object.hasOwn(durableEvents, type) ? `${type} (live)` : type,
  type,
  schema,
]);

test.each(messages)("the fields of the message %s are those of its table", (type, schema) => {
  expect(documented("Messages", type)).toEqual(written(schema).toSorted());
});

test.each(durable)("the fields of the durable event %s are those of its table", (type, schema) => {
  const own = written(schema).filter((name) => !usual.has(name));

  expect(documented("Durable events", type)).toEqual(own.toSorted());
});

test.each(live)("the fields of the live event %s are those of its table", (heading, type, schema) => {
  const ofDurable = type === "execution_started" ? Object.keys(durableEvents.execution_started.shape) : [];
  const own = written(schema).filter((name) => !usual.has(name) && !ofDurable.includes(name.replace("?", "")));

  expect(documented("Live events", heading)).toEqual(own.toSorted());
});

test("no message or event is told of that does not exist", () => {
  const types = {
    Messages: [...messages.map(([type]) => type), "Decisions"],
    "Durable events": durable.map(([type]) => type),
    "Live events": live.map(([heading]) => heading),
    Shapes: Object.keys(shapes),
  };

  for (const [parent, expected] of Object.entries(types)) {
    expect(childrenOf(parent).toSorted()).toEqual(expected.toSorted());
  }
});

test.each(Object.entries(shapes))("the fields of the shape %s are those of its table", (name, schema) => {
  expect(documented("Shapes", name)).toEqual(written(schema).toSorted());
});

test("every object within a message or event is one of the shapes", () => {
  const top = [...messages.map(([, data]) => data), ...durable.map(([, data]) => data), ...live.map(([, , s]) => s)];
  const known = [...Object.values(shapes), ApprovalRequired].map((schema) => written(schema).join());

  const inner = top.flatMap((schema) => [...allSchemas(schema)].filter((part) => part !== schema));

  const objects = inner.filter((part) => part instanceof z.ZodObject).map((part) => written(part).join());
  // `result` of `complete` is told of in its row.
  expect([...new Set(objects)].filter((fields) => !known.includes(fields))).toEqual(["text"]);
});

test("the error codes and their statuses are those of their table", () => {
  const { rows } = section("Error codes");

  const told = rows.map((row) => [row.code?.replaceAll("`", ""), Number(row.HTTP)]);

  expect(told).toEqual(ErrorCode.options.map((code) => [code, httpStatus(code)]));
});

test("the close codes are those of their table", () => {
  const told = column(section("Connect", "Close codes"), "code").map(Number);

  expect(told).toEqual(Object.values(closeCodes).toSorted((a, b) => a - b));
});

test("the routes, with what a token needs for them, are those of their table", () => {
  const told = section("HTTP").rows.map((row) => `${row.method} ${row.path?.replaceAll("`", "")} ${row.scope}`);

  const served = Object.values<Route>(routes).map(
    ({ method, path, scope }) => `${method.toUpperCase()} ${path} ${scope}`,
  );
  expect(told.toSorted()).toEqual(served.toSorted());
});

test("the settings of a session, with their defaults, are those of their table", () => {
  const told = section("Session configuration").rows.map((row) => [row.key, row.default].map(withoutTicks));

  const defaults: Record<string, unknown> = SessionConfig.parse({});
  const known = Object.keys(SessionConfig.shape).map((key) => [key, JSON.stringify(defaults[key]) ?? "none"]);
  expect(told).toEqual(known);
});

test("the environment that the server reads is that of its table", () => {
  const sources = [
    "server/settings.ts",
    "server/chain-settings.ts",
    "server/keystore-settings.ts",
    "server/model-prices.ts",
    "agent/providers.ts",
  ].map((path) => readFileSync(new URL(`../src/${path}`, import.meta.url), "utf8"));

  const read = sources.flatMap((source) =>
    [...source.matchAll(/\benv(?:, "|\.)([A-Z][A-Z0-9_]*)/g)].map(([, name]) => name),
  );

  expect(new Set(column(section("Environment"), "variable"))).toEqual(new Set(read));
});

function withoutTicks(text: string | undefined): string {
  return (text ?? "").replaceAll("`", "");
}
