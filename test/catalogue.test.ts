import { afterAll, beforeAll, expect, test } from "vitest";
import type { ErrorCode } from "../src/protocol/errors.ts";
import { dataOf } from "./support/events-of.ts";
import { type HostileWorld, startHostileWorld } from "./support/hostile-world.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let world: HostileWorld;
let server: TestServer;

beforeAll(async () => {
  world = await startHostileWorld();
  server = await startTestServer({ world });
});

// The world goes with it.
afterAll(() => server.remove());

interface Sold {
  readonly service: string;
  /** What leaves the wallet, in millionths of a USDC. */
  readonly moves: bigint;
  readonly spent: string;
  readonly code?: ErrorCode;
}

const catalogue: readonly Sold[] = [
  { service: "market-data", moves: 100_000n, spent: "0.10" },
  { service: "news", moves: 2_000_000n, spent: "2.00" },
  { service: "premium-report", moves: 25_000_000n, spent: "25.00" },
  { service: "status", moves: 0n, spent: "0.00" },
  { service: "flaky", moves: 200_000n, spent: "0.20", code: "tool_failed" },
  { service: "bait", moves: 0n, spent: "0.00", code: "payment_failed" },
];

test.each(catalogue)("the merchant's $service moves $moves", async ({ service, moves, spent, code }) => {
  const before = await world.paidInAll();
  const { id } = await server.createSession({ approval_threshold_usd: "20" });
  const client = await server.connect(id);

  const execution = execute(client, `buy ${service}`);
  if (moves > 20_000_000n) {
    const { data } = await client.first("approval_required", execution);
    client.send({ type: "approve", data: { request_id: data.request_id } });
  }
  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result?.error?.code).toBe(code);
  expect(result?.success).toBe(code === undefined);
  expect(result?.cost?.amount ?? "0.00").toBe(spent);
  expect((await world.paidInAll()) - before).toBe(moves);
  const { body } = await server.http("GET", `/sessions/${id}`);
  expect(body.budget).toMatchObject({ spent, reserved: "0.00" });
});

test("a service that takes 20 seconds is cancelled at once, and its payment is void", async () => {
  const before = await world.paidInAll();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "buy slow");
  await client.find((event) => event.type === "budget" && event.data.reserved === "0.10");
  const startedAt = performance.now();

  client.send({ type: "cancel", data: { execution_id: execution } });
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "cancelled", data: { released_usd: "0.10" } });
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect((await world.paidInAll()) - before).toBe(0n);
  const { body } = await server.http("GET", `/sessions/${id}`);
  expect(body.budget).toMatchObject({ spent: "0.00", reserved: "0.00" });
});

test("the catalogue has these services and no other", () => {
  const names = world.local.catalogue.list().map(({ name }) => name);

  expect(names).toEqual([...catalogue.map(({ service }) => service), "slow"]);
});
