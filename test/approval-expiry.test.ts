import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf, typesOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { type ManualClock, manualClock } from "./support/manual-clock.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

/** Below the minute after which a socket counts as dead. */
const timeoutS = 30;
const buy = 'pay_service {"service":"premium-report"}';
const world = fakeWorld();
let server: TestServer;
let clock: ManualClock;

beforeAll(async () => {
  clock = manualClock();
  server = await startTestServer({ model: callingModel(), clock, world });
});

afterAll(() => server.remove());

async function askAboutReport() {
  const { id } = await server.createSession({ approval_timeout_s: timeoutS });
  const client = await server.connect(id);
  const execution = execute(client, buy);
  const { data: request } = await client.first("approval_required", execution);
  return { client, execution, request };
}

test("a request that nobody decides expires: the call does not run and the agent goes on", async () => {
  const { client, execution, request } = await askAboutReport();
  const signedBefore = world.signed.size;

  clock.advance(timeoutS * 1000 + 1);
  const end = await client.end(execution);

  expect(typesOf(client, execution).slice(4)).toEqual([
    "budget",
    "approval_expired",
    "tool_result",
    "budget",
    "thinking",
    "complete",
  ]);
  expect(dataOf(client, execution, "approval_expired")).toMatchObject([
    { request_id: request.request_id, tool_id: request.tool_id },
  ]);
  expect(dataOf(client, execution, "tool_result")).toMatchObject([
    { success: false, error: { code: "approval_expired" } },
  ]);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
  expect(end).toMatchObject({ type: "complete", data: { success: false } });
  expect(world.signed.size).toBe(signedBefore);
});

test.each(["approve", "reject", "edit"] as const)(
  "%s after the expiry is refused as approval_expired",
  async (type) => {
    const { client, execution, request } = await askAboutReport();
    clock.advance(timeoutS * 1000 + 1);
    await client.end(execution);

    const late = await ask(client, type, {
      request_id: request.request_id,
      ...(type === "edit" ? { edited_args: { service: "news" } } : {}),
    });

    expect(late).toMatchObject({
      type: "error",
      data: { code: "approval_expired", message: expect.stringContaining(request.expires_at) },
    });
  },
);

test("an expiry that no sweep has seen yet holds all the same", async () => {
  const lazy = await startTestServer({ model: callingModel(), clock, worker: { sweepMs: 3_600_000 } });
  const { id } = await lazy.createSession({ approval_timeout_s: timeoutS });
  const client = await lazy.connect(id);
  const execution = execute(client, buy);
  const { data: request } = await client.first("approval_required", execution);

  clock.advance(timeoutS * 1000);
  const late = await ask(client, "approve", { request_id: request.request_id });
  await lazy.remove();

  expect(late).toMatchObject({ type: "error", data: { code: "approval_expired" } });
  expect(typesOf(client, execution)).not.toContain("approved");
});

test("a request is open until the moment at which it expires", async () => {
  const { client, execution, request } = await askAboutReport();

  clock.advance((timeoutS * 2000) / 3);
  await ask(client, "approve", { request_id: request.request_id });

  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
});

test("of several requests only those that are due expire", async () => {
  const { id } = await server.createSession({ approval_timeout_s: timeoutS });
  const client = await server.connect(id);
  const early = execute(client, buy);
  await client.first("approval_required", early);
  clock.advance((timeoutS * 2000) / 3);
  const late = execute(client, 'pay_service {"service":"premium-report"}');
  const { data: request } = await client.first("approval_required", late);

  clock.advance(timeoutS * 500);
  await client.end(early);
  await ask(client, "approve", { request_id: request.request_id });

  expect(await client.end(late)).toMatchObject({ type: "complete", data: { success: true } });
});
