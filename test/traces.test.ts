import { SpanKind } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type PaidServer, startPaidServer } from "./support/paid-server.ts";
import { execute } from "./support/test-server.ts";

// A program's own tracer, as it would register one; it sees what the server in this process does.
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const soon = { timeout: 10_000 };
let server: PaidServer;

beforeAll(async () => {
  provider.register();
  server = await startPaidServer();
});

afterAll(async () => {
  await server.remove();
  await provider.shutdown();
});

/** The trace of an execution's last run, once that has ended. */
async function traceOf(executionId: string): Promise<Trace> {
  const run = await vi.waitFor(() => {
    const found = exporter
      .getFinishedSpans()
      .findLast((span) => span.attributes["paygent.execution.id"] === executionId);
    if (found === undefined) throw new Error("The run has not ended yet.");
    return found;
  }, soon);
  const { traceId } = run.spanContext();
  const spans = await vi.waitFor(() => {
    const all = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
    const ids = new Set(all.map((span) => span.spanContext().spanId));
    const isWhole = all.every(({ parentSpanContext }) => !parentSpanContext || ids.has(parentSpanContext.spanId));
    if (!isWhole) throw new Error("What stands above the run has not ended yet.");
    return all;
  }, soon);
  return {
    spans,
    named: (name) => spans.find((span) => span.name === name),
    lineOf(name) {
      const line: string[] = [];
      let at = spans.find((span) => span.name === name);
      while (at !== undefined) {
        line.push(at.name);
        const above = at.parentSpanContext?.spanId;
        at = spans.find((span) => span.spanContext().spanId === above);
      }
      return line;
    },
  };
}

interface Trace {
  readonly spans: readonly ReadableSpan[];
  named(name: string): ReadableSpan | undefined;
  /** The names of a span and of those above it. */
  lineOf(name: string): string[];
}

test("a payment is traced from the message that led to it, step by step", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const { lineOf, named } = await traceOf(execute(client, "buy market-data"));

  const above = ["execute_tool pay_service", "invoke_agent paygent", "message execute"];
  for (const step of ["quote", "sign", "send", "look"]) {
    expect(lineOf(`payment ${step}`)).toEqual([`payment ${step}`, ...above]);
  }
  expect(lineOf("chat rules")).toEqual(["chat rules", "invoke_agent paygent", "message execute"]);
  expect(named("message execute")?.kind).toBe(SpanKind.SERVER);
  expect(named("invoke_agent paygent")?.attributes["gen_ai.conversation.id"]).toBe(id);
  expect(named("chat rules")?.attributes).toMatchObject({ "gen_ai.operation.name": "chat" });
});

test("what an approval resumes is traced under the approval, also when it came over HTTP", async () => {
  const { id } = await server.createSession({ approval_threshold_usd: "0.01" });
  const client = await server.connect(id);
  const execution = execute(client, "buy market-data");
  const { data } = await client.first("approval_required");
  await traceOf(execution);
  exporter.reset();

  await server.http("POST", `/approvals/${data.request_id}/approve`, { body: {} });

  const { lineOf } = await traceOf(execution);
  expect(lineOf("payment sign")).toEqual([
    "payment sign",
    "execute_tool pay_service",
    "invoke_agent paygent",
    "POST /api/v1/approvals/{request_id}/approve",
  ]);
});

test("an execution that was queued is no part of the trace of the one before it", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const first = execute(client, "wait 1 seconds");
  const second = execute(client, "check balance");

  const before = await traceOf(first);
  const after = await traceOf(second);

  expect(before.lineOf("invoke_agent paygent")).toEqual(["invoke_agent paygent", "message execute"]);
  expect(after.lineOf("invoke_agent paygent")).toEqual(["invoke_agent paygent"]);
});

test("arguments, results, addresses and signatures stand in no span", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const { spans } = await traceOf(execute(client, "buy market-data; buy flaky"));

  const told = spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
  expect(told.length).toBeGreaterThan(8);
  expect(JSON.stringify(told)).not.toMatch(/0x[0-9a-f]{40}|market-data|flaky|127\.0\.0\.1/i);
});
