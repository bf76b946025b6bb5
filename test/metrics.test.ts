import { expect, test } from "vitest";
import { fakeWorld } from "./support/fake-world.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { runSql } from "./support/store-fault.ts";
import { execute } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";
import { writeElsewhere } from "./support/write-elsewhere.ts";

async function scrape(url: string, token: string | undefined) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/metrics`, { headers });
  return { status: response.status, text: await response.text() };
}

function sampleOf(text: string, sample: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}

test("metrics count what is open, what waits and what was spent", async () => {
  const server = await serverForTest();
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "pay 2 USDC to news"));
  const waiting = execute(client, "pay 25 USDC to premium-report");
  await client.first("approval_required", waiting);

  const { status, text } = await scrape(server.url, await server.token("root", { scope: "admin" }));

  expect(status).toBe(200);
  expect(sampleOf(text, "paygent_sockets")).toBe(1);
  expect(sampleOf(text, "paygent_approvals_pending")).toBe(1);
  expect(sampleOf(text, "paygent_day_usd")).toBe(27);
  expect(sampleOf(text, 'paygent_executions{status="queued"}')).toBe(0);
  expect(sampleOf(text, "paygent_bus_connected")).toBe(1);
  expect(sampleOf(text, "paygent_event_lag_seconds_count")).toBeGreaterThan(0);
  expect(text).toContain("nodejs_eventloop_lag_seconds");
  expect(text).not.toContain(id);
});

test("while the database cannot count, a server's own metrics are there, and nothing stands for the others", async () => {
  const server = await serverForTest();
  const { id } = await server.createSession();
  await server.connect(id);
  const token = await server.token("root", { scope: "admin" });
  expect(sampleOf((await scrape(server.url, token)).text, "paygent_database_up")).toBe(1);

  await runSql(server.database, "alter table user_days rename to user_days_elsewhere");
  const { status, text } = await scrape(server.url, token);

  expect(status).toBe(200);
  expect(sampleOf(text, "paygent_database_up")).toBe(0);
  expect(sampleOf(text, "paygent_sockets")).toBe(1);
  expect(text).toContain("nodejs_eventloop_lag_seconds");
  for (const name of ["paygent_executions", "paygent_approvals", "paygent_day_usd"]) expect(text).not.toContain(name);
});

test.skipIf(!isShared)("an old event is none that came late to those who come now", async () => {
  const server = await serverForTest({ pollMs: 50 });
  const [quiet, busy] = [await server.createSession(), await server.createSession()];
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  await writeElsewhere(server.database, quiet.id, 1, anHourAgo);
  await server.connect(quiet.id);
  await server.connect(quiet.id, { lastSeq: 0 });
  const client = await server.connect(busy.id);

  // When two have come, the logs of all sessions have been looked into since.
  for (const seq of [1, 2]) {
    await writeElsewhere(server.database, busy.id, seq);
    await client.find((event) => event.seq === seq);
  }
  const { text } = await scrape(server.url, await server.token("root", { scope: "admin" }));

  expect(sampleOf(text, "paygent_event_lag_seconds_count")).toBe(2);
  expect(sampleOf(text, 'paygent_event_lag_seconds_bucket{le="5"}')).toBe(2);
});

test("metrics are for tokens with the scope admin alone", async () => {
  const server = await serverForTest();

  expect((await scrape(server.url, undefined)).status).toBe(401);
  expect((await scrape(server.url, await server.token("alice"))).status).toBe(403);
});

test("a server whose chain does not answer stays in service, and says so", async () => {
  const world = fakeWorld();
  const server = await serverForTest({ world });
  const ready = async () => {
    const response = await fetch(`${server.url}/health/ready`);
    return { status: response.status, body: await response.json() };
  };
  const ok = { database: "ok", bus: "ok", chain: "ok" };
  expect(await ready()).toEqual({ status: 200, body: { status: "ok", checks: ok } });

  world.wallet.balance = () => Promise.reject(new Error("The chain is gone."));

  expect(await ready()).toEqual({ status: 200, body: { status: "ok", checks: { ...ok, chain: "failed" } } });
});
