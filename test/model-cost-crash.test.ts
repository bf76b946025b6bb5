import { expect, onTestFinished, test } from "vitest";
import { startAnthropicStub } from "./support/anthropic-stub.ts";
import { dataOf } from "./support/events-of.ts";
import { databaseForProcesses, startProcess } from "./support/server-process.ts";
import { execute } from "./support/test-server.ts";

/** At 3 USD and 15 USD per million tokens an answer of these costs 0.045 USD. */
const usage = { input: 14_000, output: 200 };

/** A model that falls silent in the middle of its first answer, and the settings of a server that asks it. */
async function modelThatHangsOnce() {
  const stub = await startAnthropicStub([
    { text: ["One, ", "two."], holdAfter: 1, usage },
    { text: "Done.", usage },
  ]);
  onTestFinished(() => stub.close());
  const env = {
    PAYGENT_MODEL: "anthropic/claude-stub",
    ANTHROPIC_API_KEY: "sk-ant-for-tests",
    ANTHROPIC_BASE_URL: stub.url,
    PAYGENT_MODEL_PRICES: "anthropic/claude-stub=3/15",
    PAYGENT_LEASE_S: "1",
  };
  return { stub, env };
}

test.each([
  ["killed", "kill"],
  ["told to go down", "stop"],
] as const)(
  "a step during which the server is %s is charged what was set aside for it, and asked anew",
  async (_, way) => {
    const { stub, env } = await modelThatHangsOnce();
    const database = await databaseForProcesses();
    const server = await startProcess(database, "paygent", env);
    const { id } = await server.createSession({ budget_usd: "1" });
    const client = await server.connect(id);
    const execution = execute(client, "Say hello.");
    await client.first("text_delta", execution);
    const [before] = dataOf(client, execution, "budget");
    await server[way]();

    const next = await startProcess(database, "paygent", env);
    const watcher = await next.connect(id, { lastSeq: 0 });
    const end = await watcher.end(execution);
    const { body: session } = await next.http("GET", `/sessions/${id}`);

    expect(end).toMatchObject({ type: "complete" });
    expect(stub.requests).toHaveLength(2);
    expect(Number(before?.reserved)).toBeGreaterThan(0.045);
    expect(Number(session.budget.spent)).toBeCloseTo(Number(before?.reserved) + 0.045, 6);
    expect(session.budget.reserved).toBe("0.00");
    for (const { spent, reserved } of dataOf(watcher, execution, "budget")) {
      expect(Number(spent) + Number(reserved)).toBeLessThanOrEqual(1);
    }
  },
  60_000,
);

test("crash after crash no more is charged than the budget covers, and then the model is not asked any more", async () => {
  const stub = await startAnthropicStub([{ text: ["One, ", "two."], holdAfter: 1, usage }]);
  onTestFinished(() => stub.close());
  const { env } = await modelThatHangsOnce();
  const database = await databaseForProcesses();
  const settings = { ...env, ANTHROPIC_BASE_URL: stub.url };
  let server = await startProcess(database, "paygent", settings);
  const { id } = await server.createSession({ budget_usd: "0.3" });
  const execution = execute(await server.connect(id), "Say hello.");

  let end: { type: string } | undefined;
  for (let crash = 0; end === undefined; crash += 1) {
    expect(crash).toBeLessThan(10);
    const watcher = await server.connect(id, { lastSeq: 0 });
    await expect
      .poll(() => stub.requests.length > crash || watcher.events.some(({ type }) => type === "error"), {
        timeout: 15_000,
      })
      .toBe(true);
    const told = watcher.events.find(({ type }) => type === "error");
    if (told !== undefined) end = told;
    else {
      await server.kill();
      server = await startProcess(database, "paygent", settings);
    }
  }
  const { body: session } = await server.http("GET", `/sessions/${id}`);

  expect(end).toMatchObject({ data: { execution_id: execution, code: "budget_exceeded", fatal: true } });
  expect(stub.requests.length).toBeGreaterThan(1);
  expect(Number(session.budget.spent)).toBeLessThanOrEqual(0.3);
  expect(Number(session.budget.spent)).toBeGreaterThan(0.25);
  expect(session.budget.reserved).toBe("0.00");
}, 120_000);
