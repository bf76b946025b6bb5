import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { connectWith } from "./support/connect-with.ts";
import { dataOf } from "./support/events-of.ts";
import { manualClock } from "./support/manual-clock.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buy = (service: string) => `pay_service {"service":"${service}"}`;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

/** A session of a user whom no other test knows, so that the daily budget is untouched. */
async function start(config: Record<string, unknown> = {}, user: string = crypto.randomUUID()) {
  const { id } = await server.createSession(config, user);
  return { id, user, client: await server.connect(id, { userId: user }) };
}

test("each payment is set aside, then spent, with exact numbers", async () => {
  const { client } = await start({ budget_usd: "5" });

  const execution = execute(client, `${buy("news")} && ${buy("market-data")}`);
  await client.end(execution);

  const budgets = dataOf(client, execution, "budget");
  expect(budgets.at(-1)).toMatchObject({ limit: "5.00", spent: "2.10", reserved: "0.00", remaining: "2.90" });
  for (const { limit, spent, reserved, remaining } of budgets) {
    expect(Number(spent) + Number(reserved) + Number(remaining)).toBeCloseTo(Number(limit), 6);
  }
});

test("the last cent of a session's budget can be spent, and not one more", async () => {
  const { client } = await start({ budget_usd: "2.1" });

  const spend = execute(client, `${buy("news")} && ${buy("market-data")}`);
  await client.end(spend);
  const over = execute(client, buy("market-data"));
  const end = await client.end(over);

  expect(dataOf(client, spend, "budget").at(-1)).toMatchObject({ spent: "2.10", remaining: "0.00" });
  expect(end).toMatchObject({
    type: "error",
    data: {
      code: "budget_exceeded",
      fatal: true,
      details: { budget: "session", needed_usd: "0.10", remaining_usd: "0.00" },
    },
  });
});

test("what is set aside for a question counts, until it is rejected", async () => {
  const { client } = await start({ budget_usd: "26" });
  const asking = execute(client, buy("premium-report"));
  const { data: request } = await client.first("approval_required", asking);

  const first = execute(client, buy("news"));
  const refused = await client.end(first);
  await ask(client, "reject", { request_id: request.request_id });
  await client.end(asking);
  const second = execute(client, buy("news"));
  const paid = await client.end(second);

  expect(request.budget).toEqual({
    limit: "26.00",
    spent: "0.00",
    reserved: "25.00",
    remaining_before: "26.00",
    remaining_after: "1.00",
  });
  expect(refused).toMatchObject({
    type: "error",
    data: { code: "budget_exceeded", details: { remaining_usd: "1.00" } },
  });
  expect(paid).toMatchObject({ type: "complete", data: { success: true } });
});

test("over the budget is refused even where a human would be asked", async () => {
  const { client } = await start({ budget_usd: "24.999999" });

  const execution = execute(client, buy("premium-report"));
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "error", data: { code: "budget_exceeded" } });
  expect(dataOf(client, execution, "approval_required")).toEqual([]);
});

test("an execution's own budget is counted over all of its payments", async () => {
  const { client } = await start();

  const execution = execute(client, `${buy("news")} && ${buy("news")}`, { budget_limit_usd: "3" });
  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "error", data: { code: "budget_exceeded", details: { budget: "execution" } } });
  const last = dataOf(client, execution, "budget").at(-1);
  expect(["0.00", "2.00"]).toContain(last?.spent);
  expect(last?.reserved).toBe("0.00");
});

test("an execution that fails gives back what its open questions had set aside", async () => {
  const { client } = await start();
  const execution = execute(client, `${buy("premium-report")} && ${buy("news")}`, { budget_limit_usd: "26" });

  const end = await client.end(execution);

  expect(end).toMatchObject({ type: "error", data: { code: "budget_exceeded" } });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ reserved: "0.00" });
});

test("the daily budget counts over a user's sessions, and not over other users", async () => {
  const { client, user } = await start({ daily_budget_usd: "3" });
  const other = await start({ daily_budget_usd: "3" }, user);
  const stranger = await start({ daily_budget_usd: "3" });

  await client.end(execute(client, buy("news")));
  const refused = await other.client.end(execute(other.client, buy("news")));
  const paid = await stranger.client.end(execute(stranger.client, buy("news")));

  expect(refused).toMatchObject({
    type: "error",
    data: {
      code: "budget_exceeded",
      message: expect.stringContaining("daily budget of 3.00 USD"),
      details: { budget: "daily" },
    },
  });
  expect(paid).toMatchObject({ type: "complete" });
});

test("what a cancelled question had set aside comes back to the daily budget", async () => {
  const { client } = await start({ daily_budget_usd: "26" });
  const asking = execute(client, buy("premium-report"));
  await client.first("approval_required", asking);

  const cancelled = await ask(client, "cancel", { execution_id: asking });
  const paid = await client.end(execute(client, buy("news")));

  expect(cancelled).toMatchObject({ type: "cancelled", data: { released_usd: "25.00" } });
  expect(paid).toMatchObject({ type: "complete" });
});

test("the next day brings a new daily budget", async () => {
  const clock = manualClock();
  const tomorrow = await serverForTest({ model: callingModel(), clock });
  const { id } = await tomorrow.createSession({ daily_budget_usd: "3" });
  const exp = Math.floor(Date.now() / 1000) + 3 * 24 * 60 * 60;
  const client = await connectWith(tomorrow, id, { sub: "alice", exp });
  await client.end(execute(client, buy("news")));
  const sameDay = await client.end(execute(client, buy("news")));

  clock.advance(24 * 60 * 60_000);
  const nextDay = await client.end(execute(client, buy("news")));

  expect(sameDay).toMatchObject({ type: "error", data: { code: "budget_exceeded" } });
  expect(nextDay).toMatchObject({ type: "complete" });
});

test("of sixteen sessions that want the last of a daily budget at once, one gets it", async () => {
  const { user, client } = await start({ daily_budget_usd: "2" });
  const others = await Promise.all(Array.from({ length: 15 }, () => start({ daily_budget_usd: "2" }, user)));

  const ends = await Promise.all(
    [client, ...others.map((other) => other.client)].map((each) => each.end(execute(each, buy("news")))),
  );

  expect(ends.filter(({ type }) => type === "complete")).toHaveLength(1);
  expect(ends.filter(({ data }) => "code" in data && data.code === "budget_exceeded")).toHaveLength(15);
});
