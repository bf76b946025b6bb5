import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buy = (service: string) => `pay_service {"service":"${service}"}`;

const world = fakeWorld();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel(), world });
});

afterAll(() => server.remove());

async function start(config: Record<string, unknown>) {
  const { id } = await server.createSession({ daily_budget_usd: "100000", ...config });
  return { id, client: await server.connect(id) };
}

test.each(["news", "NEWS", "0x03"])(
  "a payee's budget, stated as %s, is spent to the last cent and not beyond",
  async (name) => {
    const { client } = await start({ payee_budgets_usd: { [name]: "4" } });

    await client.end(execute(client, buy("news")));
    const second = await client.end(execute(client, buy("news")));
    const third = await client.end(execute(client, buy("news")));

    expect(second).toMatchObject({ type: "complete", data: { success: true } });
    expect(third).toMatchObject({
      type: "error",
      data: {
        code: "budget_exceeded",
        details: { budget: "payee", rule: `payee_budgets_usd["${name}"]`, needed_usd: "2.00", remaining_usd: "0.00" },
      },
    });
  },
);

test("a payee's budget is nobody else's", async () => {
  const { client } = await start({ payee_budgets_usd: { news: "1" } });

  expect(await client.end(execute(client, buy("market-data")))).toMatchObject({ type: "complete" });
});

test("what waits for an approval counts against its payee, until it is rejected", async () => {
  const { client } = await start({ payee_budgets_usd: { "premium-report": "30" }, daily_budget_usd: "1000" });
  const waiting = execute(client, buy("premium-report"));
  const { data: request } = await client.first("approval_required", waiting);

  const refused = await client.end(execute(client, buy("premium-report")));
  await ask(client, "reject", { request_id: request.request_id });
  const again = execute(client, buy("premium-report"));

  expect(refused).toMatchObject({ type: "error", data: { details: { budget: "payee", remaining_usd: "5.00" } } });
  expect((await client.first("approval_required", again)).data.payee).toBe("premium-report");
});

test("an edit moves what was set aside from one payee's budget to the other's", async () => {
  const { client, id } = await start({ payee_budgets_usd: { "premium-report": "25", news: "1" } });
  const execution = execute(client, buy("premium-report"));
  const { data: request } = await client.first("approval_required", execution);
  const edit = () => ask(client, "edit", { request_id: request.request_id, edited_args: { service: "news" } });

  const over = await edit();
  await server.http("PATCH", `/sessions/${id}`, { body: { config: { payee_budgets_usd: { news: "2" } } } });
  const within = await edit();
  await client.end(execution);

  expect(over).toMatchObject({ type: "error", data: { code: "budget_exceeded", details: { budget: "payee" } } });
  expect(within.type).toBe("edit_approved");
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: true, cost: { usd: "2.00" } }]);
});

test("an approval cannot be given once the payee's budget was lowered below it", async () => {
  const { client, id } = await start({});
  const execution = execute(client, buy("premium-report"));
  const { data: request } = await client.first("approval_required", execution);
  await server.http("PATCH", `/sessions/${id}`, {
    body: { config: { payee_budgets_usd: { "premium-report": "24" } } },
  });

  const answer = await ask(client, "approve", { request_id: request.request_id });

  expect(answer).toMatchObject({ type: "error", data: { code: "budget_exceeded", details: { budget: "payee" } } });
});

test("what a spend rule let through and was not paid comes back to the rule's total", async () => {
  const { client, id } = await start({ approval_threshold_usd: "1" });
  const first = execute(client, buy("news"));
  const { data: request } = await client.first("approval_required", first);
  const remember = { tool_name: "pay_service", max_amount: "2", total: "2" };
  await ask(client, "approve", { request_id: request.request_id, remember });
  await client.end(first);
  const sending = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  onTestFinished(() => {
    world.beforeSettle = async () => undefined;
  });
  world.beforeSettle = () => {
    sending.resolve();
    return held.promise;
  };
  const used = async () => (await server.http("GET", `/sessions/${id}/spend-rules`)).body.data[0].used;

  const second = execute(client, buy("news"));
  await sending.promise;
  const during = await used();
  await ask(client, "cancel", { execution_id: second });
  await client.end(second);
  held.resolve();

  expect([during, await used()]).toEqual(["2.00", "0.00"]);
});
