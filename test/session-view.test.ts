import { expect, test } from "vitest";
import type { DurableEvent } from "../src/protocol/events.ts";
import { foldEvents } from "../src/react/index.ts";
import { ask } from "./support/ask.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

const payReport = 'pay_service {"service":"premium-report"}';

async function session() {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const events = () => client.events.filter((event): event is DurableEvent => event.seq !== undefined);
  return { server, client, events };
}

test("the view of a session follows an approval from the question to the receipt", async () => {
  const { client, events } = await session();
  const execution = execute(client, payReport);
  const { data: request } = await client.first("approval_required", execution);

  const asked = foldEvents(events());
  await ask(client, "approve", { request_id: request.request_id, reason: "fine" });
  await client.end(execution);
  const all = events();
  const decided = foldEvents(all.slice(0, all.findIndex(({ type }) => type === "approved") + 1));
  const done = foldEvents(all);

  expect(asked.approvals).toEqual([request]);
  expect(asked.executions).toMatchObject([{ executionId: execution, status: "waiting", costUsd: "0.00" }]);
  expect(decided.approvals).toEqual([]);
  expect(decided.executions).toMatchObject([{ status: "running" }]);
  expect(done.budget).toMatchObject({ spent: "25.00", reserved: "0.00" });
  expect(done.executions).toMatchObject([{ status: "completed", costUsd: "25.00", command: payReport }]);
  const calls = done.executions[0]?.entries.flatMap((entry) => (entry.kind === "call" ? [entry.call] : []));
  expect(calls).toMatchObject([
    {
      toolName: "pay_service",
      status: "succeeded",
      decision: { decision: "approved", decidedBy: "alice", reason: "fine" },
      cost: { amount: "25.00" },
    },
  ]);
  expect(done.executions[0]?.entries.at(-1)?.kind).toBe("complete");
});

test("a call that a human rejected never ran, and its execution did not succeed", async () => {
  const { client, events } = await session();
  const execution = execute(client, payReport);
  const { data: request } = await client.first("approval_required", execution);
  await ask(client, "reject", { request_id: request.request_id });
  await client.end(execution);

  const { executions, approvals } = foldEvents(events());

  expect(approvals).toEqual([]);
  expect(executions).toMatchObject([{ status: "failed", costUsd: "0.00" }]);
  expect(executions[0]?.entries).toContainEqual(
    expect.objectContaining({ kind: "call", call: expect.objectContaining({ status: "refused" }) }),
  );
});

test("a cancelled execution leaves no open request and no open call", async () => {
  const { client, events } = await session();
  const execution = execute(client, payReport);
  await client.first("approval_required", execution);
  await ask(client, "cancel", { execution_id: execution });
  await client.end(execution);

  const { executions, approvals } = foldEvents(events());

  expect(approvals).toEqual([]);
  expect(executions).toMatchObject([{ status: "cancelled" }]);
  expect(executions[0]?.entries).toContainEqual(
    expect.objectContaining({ kind: "call", call: expect.objectContaining({ status: "refused" }) }),
  );
});

test("a look back in time shows what was known then", async () => {
  const { client, events } = await session();
  const execution = execute(client, "check_balance {}");
  await client.end(execution);
  const all = events();

  const views = all.map((_, index) => foldEvents(all.slice(0, index + 1)));

  expect(views.map(({ executions }) => executions[0]?.status)).toEqual([
    ...Array.from({ length: all.length - 1 }, () => "running"),
    "completed",
  ]);
  expect(
    views.every((view) => view.executions[0]?.entries.filter(({ kind }) => kind === "thinking").length !== 2),
  ).toBe(true);
});
