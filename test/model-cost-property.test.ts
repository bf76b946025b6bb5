import { expect, onTestFinished, test } from "vitest";
import { openStoreForReading } from "../src/store/database.ts";
import { type StubReply, startAnthropicStub } from "./support/anthropic-stub.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { seededRandom } from "./support/seeded-random.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

const sessionLimit = 0.9;
const dayLimit = 2;
const executionLimit = 0.5;
const micros = (usd: number) => Math.round(usd * 1_000_000);

test.each([1, 2, 3, 4, 5])(
  "whatever models take, fail at and buy at once, no budget is passed at any moment (seed %i)",
  async (seed) => {
    const whole = seededRandom(seed);
    const random = () => whole(1_000_000) / 1_000_000;
    const answer = ({ max_tokens }: { max_tokens: number }): StubReply => {
      const usage = {
        input: Math.floor(random() * 4000) + 1,
        cached: Math.floor(random() * 1000),
        output: Math.floor(random() * max_tokens) + 1,
      };
      const kind = random();
      if (kind < 0.1) return { status: 529, headers: { "retry-after-ms": "1" } };
      if (kind < 0.2) return { text: ["One, ", "two."], cutAfter: 1 };
      if (kind < 0.25) return { status: 504, headers: { "retry-after-ms": "1" } };
      if (kind < 0.35) return { text: "Done.", usage };
      const pay = { name: "pay_service", args: { service: "market-data" } };
      const look = { name: "check_balance", args: {} };
      const delegate = { name: "delegate", args: { agent: "payer", task: "buy" } };
      if (kind < 0.5) return { calls: [delegate, pay], usage };
      return { calls: random() < 0.6 ? [pay, look] : [look], usage };
    };
    const stub = await startAnthropicStub(answer);
    onTestFinished(() => stub.close());
    const server = await serverForTest({
      world: fakeWorld(),
      env: {
        PAYGENT_MODEL: "anthropic/claude-stub",
        ANTHROPIC_API_KEY: "sk-ant-for-tests",
        ANTHROPIC_BASE_URL: stub.url,
        PAYGENT_MODEL_PRICES: "anthropic/claude-stub=3/15/0.3",
      },
    });
    const config = { budget_usd: `${sessionLimit}`, daily_budget_usd: `${dayLimit}` };
    const clients = await Promise.all(
      Array.from({ length: 4 }, async () => server.connect((await server.createSession(config)).id)),
    );

    await Promise.all(
      clients.map(async (client) => {
        for (let number = 0; number < 3; number += 1) {
          const execution = execute(client, "Spend.", { budget_limit_usd: `${executionLimit}` });
          if (random() < 0.3) {
            await client.first("thinking", execution);
            client.send({ type: "cancel", data: { execution_id: execution } });
          }
          await client.end(execution);
        }
      }),
    );

    const url = server.database.env.DATABASE_URL;
    const store = await openStoreForReading(url === undefined ? { dataDir: server.database.dataDir } : { url });
    const spends = await store.db.selectFrom("spends").selectAll().execute();
    const sessions = await store.db.selectFrom("sessions").selectAll().execute();
    const days = await store.db.selectFrom("user_days").selectAll().execute();
    await store.close();
    const sum = (matches: (spend: (typeof spends)[number]) => boolean) =>
      spends
        .filter((spend) => spend.status === "settled" && matches(spend))
        .reduce((total, spend) => total + Number(spend.micros), 0);

    const told = clients.flatMap((client) =>
      client.events.flatMap((event) => (event.type === "budget" ? [event.data] : [])),
    );
    expect(
      told.filter(({ spent, reserved }) => micros(Number(spent)) + micros(Number(reserved)) > micros(sessionLimit)),
    ).toEqual([]);
    expect(told.length).toBeGreaterThan(20);
    // At rest nothing is set aside, and every sum agrees with the ledger.
    expect(spends.filter(({ status }) => status === "reserved")).toEqual([]);
    for (const session of sessions)
      expect([Number(session.spent_micros), Number(session.reserved_micros)]).toEqual([
        sum(({ session_id }) => session_id === session.id),
        0,
      ]);
    for (const id of new Set(spends.map(({ execution_id }) => execution_id))) {
      expect(sum(({ execution_id }) => execution_id === id)).toBeLessThanOrEqual(micros(executionLimit));
    }
    expect(days.reduce((total, day) => total + Number(day.micros), 0)).toBe(sum(() => true));
    for (const day of days) expect(Number(day.micros)).toBeLessThanOrEqual(micros(dayLimit));
  },
  60_000,
);
