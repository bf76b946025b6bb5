import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import type { ModelReply } from "../src/runtime/agent-model.ts";
import type { Tool } from "../src/runtime/tool.ts";
import { type FakeWorld, fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { breakTable } from "./support/store-fault.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

/** What is thrown everywhere: it looks like what must never get out. */
const canary = "CANARY /srv/paygent/key.pem sk-canary-0123456789";
const wait = { timeout: 30_000 };

let server: TestServer;
let world: FakeWorld;
let log = "";

const throws: Record<string, () => unknown> = {
  "an Error": () => {
    throw new Error(canary);
  },
  "an Error with a cause": () => {
    throw new Error("failed", { cause: new Error(canary) });
  },
  "a TypeError of the engine": () => JSON.parse(`{"${canary}`),
  text: () => {
    throw canary;
  },
  "an object": () => {
    throw { message: canary, code: "ENOENT", path: canary };
  },
  nothing: () => {
    throw undefined;
  },
  "an Error without end": () => {
    throw new Error(canary.repeat(5000));
  },
  "an Error whose message throws": () => {
    throw Object.defineProperty(new Error(), "message", {
      get() {
        throw new Error(canary);
      },
    });
  },
  "an AggregateError": () => {
    throw new AggregateError([new Error(canary)], canary);
  },
};
const kinds = Object.keys(throws);

beforeAll(async () => {
  const base = { description: "Throws.", args: z.object({ kind: z.string() }) };
  const run = async ({ kind }: Readonly<Record<string, unknown>>) => throws[String(kind)]?.();
  const tools: Tool[] = [
    { ...base, name: "throw_reading", effect: "read", run },
    { ...base, name: "throw_writing", effect: "write", run },
    { ...base, name: "throw_at_price", effect: "payment", purchase: ({ kind }) => throws[String(kind)]?.() as never },
    { ...base, name: "answer_oddly", effect: "read", run: async ({ kind }) => oddResults[String(kind)] },
  ];
  const calling = callingModel();
  world = fakeWorld();
  const logger = pino(
    { level: "info" },
    new Writable({
      write(chunk, _encoding, done) {
        log += chunk;
        done();
      },
    }),
  );
  const model = {
    ...calling,
    async respond(...[request, options]: Parameters<typeof calling.respond>): Promise<ModelReply> {
      const command = request.messages.findLast(({ role }) => role === "user");
      const text = command?.role === "user" ? command.text : "";
      if (text.startsWith("model throws ")) throws[text.slice("model throws ".length)]?.();
      return calling.respond(request, options);
    },
  };
  server = await startTestServer({ tools, model, world, logger });
});

afterAll(() => server.remove());

const circular: Record<string, unknown> = { canary };
circular.self = circular;
const oddResults: Record<string, unknown> = {
  circular,
  bigint: 1n,
  "toJSON throws": {
    toJSON() {
      throw new Error(canary);
    },
  },
};

const asText = (client: TestClient) => client.frames.join("\n");
const correlationIds = (text: string) => text.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? [];

/** Runs a command to its end and gives all that its client saw. */
async function outcomeOf(command: string): Promise<{ client: TestClient; end: Record<string, unknown> }> {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const end = await client.end(execute(client, command));
  return { client, end: { ...end.data, type: end.type } };
}

function expectHidden(text: string): void {
  for (const part of canary.split(" ")) expect(text).not.toContain(part);
  expect(text).not.toMatch(/\bat .*\.ts:\d+|node:internal|node_modules|SQLITE|plpgsql|trigger/);
}

describe("what a tool throws is in the log and not on the wire", () => {
  const tools = ["throw_reading", "throw_writing", "throw_at_price"];
  test.each(tools.flatMap((tool) => kinds.map((kind) => [tool, kind] as const)))("%s: %s", wait, async (tool, kind) => {
    const { client } = await outcomeOf(`${tool} ${JSON.stringify({ kind })}`);

    const result = client.events.find(({ type }) => type === "tool_result");
    expect(result).toMatchObject({ data: { success: false, error: { code: "tool_failed" } } });
    expectHidden(asText(client));
    const [correlationId = "none"] = correlationIds(JSON.stringify(result?.data).split("under ")[1] ?? "");
    expect(log).toContain(correlationId);
    await client.close();
  });

  test.each(Object.keys(oddResults))("a result that is %s is a failure of the tool", wait, async (kind) => {
    const { client } = await outcomeOf(`answer_oddly ${JSON.stringify({ kind })}`);

    expectHidden(asText(client));
    await client.close();
  });
});

describe("what a model throws is in the log and not on the wire", () => {
  test.each(kinds)("%s", wait, async (kind) => {
    const { client, end } = await outcomeOf(`model throws ${kind}`);

    expect(end).toMatchObject({ type: "error", fatal: true, code: "internal" });
    expectHidden(asText(client));
    expect(log).toContain(end.correlation_id);
    await client.close();
  });
});

describe("what a wallet throws is in the log and not on the wire", () => {
  test.each(["quote", "sign", "balance"] as const)("%s", wait, async (method) => {
    const original = world.wallet[method];
    Object.assign(world.wallet, { [method]: async () => throws["an Error"]?.() });

    const command = method === "balance" ? "check_balance {}" : 'pay_service {"service":"market-data"}';
    const { client } = await outcomeOf(command);

    Object.assign(world.wallet, { [method]: original });
    expectHidden(asText(client));
    expect(log).toContain("sk-canary");
    await client.close();
  });
});

describe("what the store throws is in the log and not on the wire", () => {
  test.each([
    ["executions", "insert"],
    ["events", "insert"],
    ["sessions", "update"],
  ] as const)("%s, at an %s by a command", wait, async (table, on) => {
    const { id } = await server.createSession();
    const client = await server.connect(id);
    const mend = await breakTable(server.database, { table, on, message: canary });

    client.send({ type: "execute", data: { command: "check_balance {}" }, id: "mine" });
    const answer = await client.answerTo("mine");
    const { status, body } = await server.http("POST", `/sessions/${id}/executions`, {
      body: { command: "check_balance {}" },
    });
    await mend();

    expect(answer).toMatchObject({ type: "error", data: { code: "internal" } });
    expect({ status, code: body.code }).toEqual({ status: 500, code: "internal" });
    expectHidden(asText(client) + JSON.stringify(body));
    expect(log).toContain(Object(answer.data).correlation_id);
    expect(log).toContain(body.correlation_id);
    await client.close();
  });

  test.each([
    ["/sessions", "sessions", {}],
    ["/tickets", "tickets", { session_id: "" }],
  ] as const)("POST %s", async (path, table, body) => {
    const { id } = await server.createSession();
    const mend = await breakTable(server.database, { table, on: "insert", message: canary });

    const answer = await server.http("POST", path, { body: "session_id" in body ? { session_id: id } : body });
    await mend();

    expect(answer).toMatchObject({ status: 500, body: { code: "internal" } });
    expectHidden(JSON.stringify(answer.body));
    expect(log).toContain(answer.body.correlation_id);
  });

  test.each([
    ["approvals", 'pay_service {"service":"premium-report"}'],
    ["spends", 'pay_service {"service":"market-data"}'],
    ["payments", 'pay_service {"service":"market-data"}'],
    ["tool_starts", 'throw_writing {"kind":"an Error"}'],
  ])("%s, in the middle of an execution", wait, async (table, command) => {
    const mend = await breakTable(server.database, { table, on: "insert", message: canary });

    const { client, end } = await outcomeOf(command);
    await mend();

    expect(JSON.stringify(end)).toMatch(/"type":"(error|complete)"/);
    expectHidden(asText(client));
    expect(log).toContain("sk-canary");
    await client.close();
  });
});
