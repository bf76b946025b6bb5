import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { type FakeWorld, fakeWorld } from "./support/fake-world.ts";
import { type ScriptedModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buyReport = { calls: [{ name: "pay_service", args: { service: "premium-report" } }] };
let server: TestServer;
let world: FakeWorld;
let model: ScriptedModel;

beforeEach(async () => {
  world = fakeWorld();
  model = scriptedModel(buyReport, { text: "Done." });
  server = await startTestServer({ world, model });
});

afterEach(() => server.remove());

/** Lets the agent ask about the report, which costs 25 USD. */
async function askAboutReport(config: Record<string, unknown> = {}) {
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  const execution = execute(client, "buy the report");
  const { data: request } = await client.first("approval_required", execution);
  return { client, execution, request };
}

function edit(client: TestClient, request_id: string, edited_args: object) {
  return ask(client, "edit", { request_id, edited_args });
}

describe("an edit", () => {
  test("to a cheaper service runs that one, and gives back the difference", async () => {
    const { client, execution, request } = await askAboutReport();

    const decided = await edit(client, request.request_id, { service: "news" });
    const end = await client.end(execution);

    expect(decided).toMatchObject({
      type: "edit_approved",
      data: { decision: "edited", decided_by: "alice", edited_args: { service: "news" } },
    });
    expect([...world.signed.values()]).toMatchObject([{ amount: "2000000" }]);
    expect(dataOf(client, execution, "budget")).toMatchObject([
      { spent: "0.00", reserved: "25.00" },
      { spent: "0.00", reserved: "2.00" },
      { spent: "2.00", reserved: "0.00", remaining: "48.00" },
    ]);
    expect(end).toMatchObject({ type: "complete", data: { total_cost: "2.00 USD" } });
  });

  test("is told to the model together with the result, and that it settles the original call", async () => {
    const { client, execution, request } = await askAboutReport();

    await edit(client, request.request_id, { service: "news" });
    await client.end(execution);

    expect(model.requests).toHaveLength(2);
    expect(model.requests[1]?.messages.at(-1)).toMatchObject({
      role: "tool",
      success: true,
      result: {
        note: expect.stringContaining("do not make it again"),
        ran_with: { service: "news" },
        result: { status: 200 },
      },
    });
  });

  test.each([
    ["an unknown key", { service: "news", tool_name: "transfer" }],
    ["a value of the wrong kind", { service: 7 }],
    ["nothing in it", {}],
  ])("with %s is refused as invalid_arguments and leaves the request pending", async (_, edited) => {
    const { client, execution, request } = await askAboutReport();

    const refusal = await edit(client, request.request_id, edited);
    const pending = await server.http("GET", "/approvals?status=pending");
    await ask(client, "approve", { request_id: request.request_id });
    const end = await client.end(execution);

    expect(refusal).toMatchObject({
      type: "error",
      data: { code: "invalid_arguments", request_id: request.request_id },
    });
    expect(pending.body.data).toHaveLength(1);
    expect(end).toMatchObject({ type: "complete", data: { total_cost: "25.00 USD" } });
  });

  test("to a service that is not there is refused and leaves the request pending", async () => {
    const { client, request } = await askAboutReport();

    const refusal = await edit(client, request.request_id, { service: "moon" });

    expect(refusal).toMatchObject({ type: "error", data: { message: expect.stringContaining('"moon"') } });
    expect((await server.http("GET", "/approvals?status=pending")).body.data).toHaveLength(1);
  });

  test("above what a single payment may be is refused and leaves the request pending", async () => {
    const { client, execution, request } = await askAboutReport();

    const refusal = await edit(client, request.request_id, { service: "gold-bar" });
    await ask(client, "reject", { request_id: request.request_id });
    await client.end(execution);

    expect(refusal).toMatchObject({
      type: "error",
      data: { code: "policy_denied", details: { rule: "max_payment_usd" } },
    });
    expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
    expect(world.signed.size).toBe(0);
  });

  test("over the budget is refused and leaves request and reservation as they were", async () => {
    const { client, execution, request } = await askAboutReport({ max_payment_usd: "5000" });

    const refusal = await edit(client, request.request_id, { service: "gold-bar" });
    await ask(client, "approve", { request_id: request.request_id });
    await client.end(execution);

    expect(refusal).toMatchObject({
      type: "error",
      data: { code: "budget_exceeded", details: { budget: "session", remaining_usd: "25.00" } },
    });
    expect(dataOf(client, execution, "budget")).toMatchObject([
      { spent: "0.00", reserved: "25.00" },
      { spent: "25.00", reserved: "0.00" },
    ]);
  });

  test("above the ceiling that it names itself is refused", async () => {
    const { client, request } = await askAboutReport();

    const refusal = await edit(client, request.request_id, { service: "premium-report", max_amount: "24.99" });

    expect(refusal).toMatchObject({ type: "error", data: { code: "policy_denied", details: { rule: "max_amount" } } });
  });

  test("to a payee that the session forbids is refused", async () => {
    const { client, request } = await askAboutReport({ payees: { deny: ["news"] } });

    const refusal = await edit(client, request.request_id, { service: "news" });

    expect(refusal).toMatchObject({ type: "error", data: { code: "policy_denied", details: { rule: "payees.deny" } } });
  });
});

test("an edit to a dearer service reserves the difference first", async () => {
  const { client, execution, request } = await askAboutNews();

  await edit(client, request.request_id, { service: "premium-report" });
  await client.end(execution);

  expect(dataOf(client, execution, "budget")).toMatchObject([
    { reserved: "2.00" },
    { reserved: "25.00", remaining: "25.00" },
    { reserved: "0.00", spent: "25.00" },
  ]);
});

test("what was free when it was edited and costs when it runs is paid out of the budget", async () => {
  const base = fakeWorld();
  const answers: ("free" | "paid")[] = ["paid", "free", "paid"];
  const free = { kind: "free", response: { status: 200, contentType: "text/plain", body: "news" } } as const;
  const turning: FakeWorld = {
    ...base,
    wallet: {
      ...base.wallet,
      quote: async (url, signal) => (answers.shift() === "free" ? free : base.wallet.quote(url, signal)),
    },
  };
  const { client, execution, request } = await askAboutNews({ world: turning });

  await edit(client, request.request_id, { service: "market-data" });
  const end = await client.end(execution);

  expect(base.settled).toHaveLength(1);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.10", reserved: "0.00" });
  expect(end).toMatchObject({ type: "complete", data: { total_cost: "0.10 USD" } });
});

async function askAboutNews({ world: ofWorld = fakeWorld() } = {}) {
  const news = scriptedModel({ calls: [{ name: "pay_service", args: { service: "news" } }] }, { text: "Done." });
  const other = await serverForTest({ world: ofWorld, model: news });
  const { id } = await other.createSession({ approval_threshold_usd: "1" });
  const client = await other.connect(id);
  const execution = execute(client, "buy the news");
  const { data: request } = await client.first("approval_required", execution);
  return { client, execution, request };
}
