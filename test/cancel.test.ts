import { expect, test } from "vitest";
import type { Tool } from "../src/runtime/tool.ts";
import { ask, settled } from "./support/ask.ts";
import { dataOf, eventsOf, typesOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel, scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { readTool, writeTool } from "./support/test-tools.ts";

/** Generous, for busy machines; alone it takes a few milliseconds. */
const soonMs = 250;
const never = () => new Promise<never>(() => undefined);

/** Cancels, and says what `cancelled` told and how long it took to come. */
async function cancel(client: TestClient, execution_id: string) {
  const startedAt = performance.now();
  const answer = await ask(client, "cancel", { execution_id, reason: "changed my mind" });
  return { answer, tookMs: performance.now() - startedAt };
}

async function start(tools: readonly Tool[], world = fakeWorld(), config: Record<string, unknown> = {}) {
  const server = await serverForTest({ model: callingModel(), tools, world });
  const { id } = await server.createSession(config);
  return { server, world, id, client: await server.connect(id) };
}

test("a queued execution is cancelled before it begins", async () => {
  const { client } = await start([readTool("hang", never)]);
  const first = execute(client, "hang");
  const queued = execute(client, "check_balance");
  await client.first("execution_started", queued);

  const { answer, tookMs } = await cancel(client, queued);
  await cancel(client, first);

  expect(answer).toMatchObject({
    type: "cancelled",
    data: { by: "alice", reason: "changed my mind", in_flight: [], released_usd: "0.00" },
  });
  expect(typesOf(client, queued)).toEqual(["execution_started", "cancelled"]);
  expect(tookMs).toBeLessThan(soonMs);
});

test("while the model thinks, its stream is stopped and nothing of it follows", async () => {
  const stopped = Promise.withResolvers<void>();
  let say: (delta: string) => void = () => undefined;
  const model = scriptedModel(async (_request, { signal, onText }) => {
    say = onText;
    signal.addEventListener("abort", () => stopped.resolve());
    onText("Let me ");
    return never();
  });
  const server = await serverForTest({ model });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "think");
  await client.first("text_delta", execution);

  const { answer, tookMs } = await cancel(client, execution);
  await stopped.promise;
  say("think");
  await settled(client);

  expect(answer).toMatchObject({ type: "cancelled", data: { in_flight: [] } });
  expect(client.events.filter(({ type }) => type === "text_delta")).toHaveLength(1);
  expect(typesOf(client, execution)).toEqual(["execution_started", "thinking", "cancelled"]);
  expect(tookMs).toBeLessThan(soonMs);
});

test("a tool that reads is aborted", async () => {
  const stopped = Promise.withResolvers<void>();
  const read = readTool("read", (_args, { signal }) => {
    signal.addEventListener("abort", () => stopped.resolve());
    return never();
  });
  const { client } = await start([read]);
  const execution = execute(client, "read");
  const { data: call } = await client.first("tool_call", execution);

  const { answer, tookMs } = await cancel(client, execution);
  await stopped.promise;

  expect(answer).toMatchObject({ data: { in_flight: [{ tool_id: call.tool_id, outcome: "aborted" }] } });
  expect(tookMs).toBeLessThan(soonMs);
});

test("of a tool that writes and does not heed its signal nobody knows what became, and what it says later is not told", async () => {
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<string>();
  const write = writeTool("write", () => {
    begun.resolve();
    return held.promise;
  });
  const { client } = await start([write]);
  const execution = execute(client, "write && write");
  await begun.promise;

  const { answer, tookMs } = await cancel(client, execution);
  const events = eventsOf(client, execution).length;
  held.resolve("late");
  await settled(client);

  const [first, second] = dataOf(client, execution, "tool_call").map(({ tool_id }) => tool_id);
  expect(answer).toMatchObject({
    data: {
      in_flight: [
        { tool_id: first, outcome: "unknown" },
        { tool_id: second, outcome: "not_started" },
      ],
    },
  });
  expect(eventsOf(client, execution)).toHaveLength(events);
  expect(tookMs).toBeLessThan(soonMs);
});

test("while a human is asked, the question is withdrawn and its money released", async () => {
  const { client, server, world } = await start([]);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", execution);

  const { answer, tookMs } = await cancel(client, execution);

  expect(answer).toMatchObject({
    data: { in_flight: [{ tool_id: request.tool_id, outcome: "not_started" }], released_usd: "25.00" },
  });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
  expect((await server.http("GET", "/approvals?status=pending")).body.data).toEqual([]);
  expect(world.signed.size).toBe(0);
  expect(tookMs).toBeLessThan(soonMs);
});

test("a payment that is out and not settled is voided before the end is told", async () => {
  const world = fakeWorld();
  const sent = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  world.beforeSettle = () => {
    sent.resolve();
    return held.promise;
  };
  const { client } = await start([], world);
  const execution = execute(client, 'pay_service {"service":"news"}');
  await sent.promise;

  const { answer, tookMs } = await cancel(client, execution);
  held.resolve();
  await settled(client);

  expect(answer).toMatchObject({ data: { in_flight: [{ outcome: "aborted" }], released_usd: "2.00" } });
  expect(world.settled).toEqual([]);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
  expect(tookMs).toBeLessThan(soonMs);
});

test("a payment that settled meanwhile is named as completed, and is spent", async () => {
  const world = fakeWorld();
  const arrived = Promise.withResolvers<void>();
  const { send } = world.wallet;
  const wallet: typeof world.wallet = {
    ...world.wallet,
    async send(...given) {
      await send(...given);
      arrived.resolve();
      return never();
    },
  };
  const { client } = await start([], { ...world, wallet });
  const execution = execute(client, 'pay_service {"service":"news"}');
  await arrived.promise;

  const { answer, tookMs } = await cancel(client, execution);

  expect(answer).toMatchObject({ data: { in_flight: [{ outcome: "completed_anyway" }], released_usd: "0.00" } });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "2.00", reserved: "0.00" });
  expect(tookMs).toBeLessThan(soonMs);
});

test("while a service is asked for its price, nothing was set aside", async () => {
  const world = fakeWorld();
  const asked = Promise.withResolvers<void>();
  const wallet: typeof world.wallet = {
    ...world.wallet,
    quote() {
      asked.resolve();
      return never();
    },
  };
  const { client } = await start([], { ...world, wallet });
  const execution = execute(client, 'pay_service {"service":"news"}');
  await asked.promise;

  const { answer, tookMs } = await cancel(client, execution);

  expect(answer).toMatchObject({ data: { in_flight: [{ outcome: "aborted" }], released_usd: "0.00" } });
  expect(tookMs).toBeLessThan(soonMs);
});

test("while a payment is about to be signed, it is not signed any more", async () => {
  const world = fakeWorld();
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const { sign } = world.wallet;
  const wallet: typeof world.wallet = {
    ...world.wallet,
    async sign(...given) {
      asked.resolve();
      await held.promise;
      return sign(...given);
    },
  };
  const { client } = await start([], { ...world, wallet });
  const execution = execute(client, 'pay_service {"service":"news"}');
  await asked.promise;

  const { answer, tookMs } = await cancel(client, execution);
  held.resolve();
  await settled(client);

  expect(answer).toMatchObject({
    type: "cancelled",
    data: { in_flight: [{ outcome: "not_started" }], released_usd: "2.00" },
  });
  expect(world.settled).toEqual([]);
  expect(tookMs).toBeLessThan(soonMs);
});

test("over HTTP a cancel answers 202, then 409", async () => {
  const { server, client } = await start([readTool("hang", never)]);
  const execution = execute(client, "hang");
  await client.first("tool_call", execution);

  const first = await server.http("POST", `/executions/${execution}/cancel`, { body: { reason: "enough" } });
  await client.end(execution);
  const second = await server.http("POST", `/executions/${execution}/cancel`);

  expect([first.status, second.status, second.body.code]).toEqual([202, 409, "execution_ended"]);
  expect(dataOf(client, execution, "cancelled")).toMatchObject([{ reason: "enough" }]);
});

test("a cancelled execution makes room for the next", async () => {
  const { client } = await start([readTool("hang", never)]);
  const first = execute(client, "hang");
  const next = execute(client, "check_balance");
  await client.first("execution_started", next);

  await cancel(client, first);

  expect(await client.end(next)).toMatchObject({ type: "complete" });
});
