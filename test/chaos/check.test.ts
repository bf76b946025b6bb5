import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StoredEvent } from "../../src/store/event-log.ts";
import { callingModel } from "../support/scripted-model.ts";
import { runSql } from "../support/store-fault.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { readTool, writeTool } from "../support/test-tools.ts";
import { findViolations, type Told } from "./check.ts";
import { ChaosClient } from "./client.ts";
import { type Kept, readKept } from "./kept.ts";

const budgetMicros = 45_000_000n;
let server: TestServer;
let told: Told;
let kept: Kept;

/** A real server, chain and client, and a run in which everything is as it should be. */
beforeAll(async () => {
  server = await startTestServer({
    world: undefined,
    model: callingModel(),
    tools: [readTool("look", () => "seen"), writeTool("append", () => "appended")],
  });
  const { id } = await server.createSession({
    budget_usd: "45",
    approval_threshold_usd: "1",
    tools: { append: "allow" },
  });
  const client = new ChaosClient({
    sessionId: id,
    token: await server.token(),
    ports: [server.port],
    random: (limit) => limit - 1,
  });
  client.command("look {}");
  client.command('append {"line":"one"}');
  client.command('pay_service {"service":"market-data"}');
  client.command('pay_service {"service":"news"}');
  // Until it is connected, what it says is lost, and it must say it again.
  while (!client.isDone) {
    client.nudge();
    await delay(100);
  }
  client.close();
  told = { sessionId: id, sent: client.sent, history: client.history, violations: client.violations };
  kept = { ...(await read()), effects: ["line-1", "line-2"] };
}, 40_000);

afterAll(() => server.remove());

function read(): Promise<Kept> {
  const { dataDir, env } = server.database;
  const database = env.DATABASE_URL === undefined ? { dataDir } : { url: env.DATABASE_URL };
  return readKept({ database, dataDir, effectsFile: join(dataDir, "effects.log") });
}

const check = (given: { told?: Partial<Told>; kept?: Partial<Kept> }) =>
  findViolations([{ ...told, ...given.told }], { ...kept, ...given.kept }, budgetMicros);

const log = () => kept.logs.get(told.sessionId) ?? [];

/** The log, and what the client saw of it, otherwise than they are. */
function rewritten(rewrite: (log: readonly StoredEvent[]) => StoredEvent[]) {
  const events = rewrite(log()).map((event, index) => ({ ...event, seq: index + 1 }));
  return { told: { history: events }, kept: { logs: new Map([[told.sessionId, events]]) } };
}

const first = (type: string) => {
  const event = log().find((candidate) => candidate.type === type);
  if (event === undefined) throw new Error(`There is no ${type}.`);
  return event;
};

test("a run in which everything is right has no violation", () => {
  expect(check({})).toEqual([]);
  expect(kept.transfers).toHaveLength(2);
  expect(log().map(({ type }) => type)).toContain("approved");
});

test("what a client was told is held against the log", () => {
  const { history } = told;
  const swapped = [...history.slice(0, 2).reverse(), ...history.slice(2)];
  const changed = history.map((event) => (event.seq === 3 ? { ...event, text: "{}" } : event));

  expect(check({ told: { history: history.filter(({ seq }) => seq !== 4) } })).toContainEqual(
    expect.stringContaining("was told event 5 where 4 was due"),
  );
  expect(check({ told: { history: history.slice(0, -1) } })).toEqual([expect.stringMatching(/saw \d+ events of \d+/)]);
  expect(check({ told: { history: [...history.slice(0, 4), ...history.slice(3)] } })).toContainEqual(
    expect.stringContaining("was told event 4 where 5 was due"),
  );
  expect(check({ told: { history: swapped } })).toContainEqual(
    expect.stringContaining("was told event 2 where 1 was due"),
  );
  expect(check({ told: { history: changed } })).toEqual([expect.stringContaining("event 3 of")]);
  expect(check({ told: { violations: ["resync"] } })).toEqual(["resync"]);
});

test("an execution starts once and ends once, and nothing comes after that", () => {
  const start = first("execution_started");
  const end = first("complete");
  const without = (left: StoredEvent) => rewritten((all) => all.filter((event) => event !== left));
  const twice = (event: StoredEvent) =>
    rewritten((all) => all.flatMap((each) => (each === event ? [each, each] : [each])));
  const late = rewritten((all) => [...all, { ...first("thinking"), executionId: end.executionId }]);

  expect(check(without(start))).toEqual([expect.stringContaining("started 0 times")]);
  expect(check(twice(start))).toEqual([expect.stringContaining("started 2 times")]);
  expect(check(without(end))).toContainEqual(expect.stringContaining("ended 0 times"));
  expect(check(twice(end))).toEqual([expect.stringContaining("ended 2 times")]);
  expect(check(late)).toEqual([expect.stringContaining("went on after its end")]);
});

test("a decision is applied once", () => {
  const approved = first("approved");

  expect(check(rewritten((all) => all.flatMap((event) => (event === approved ? [event, event] : [event]))))).toEqual([
    expect.stringContaining("was decided 2 times"),
  ]);
  expect(check(rewritten((all) => all.filter((event) => event !== approved)))).toEqual([
    expect.stringContaining("was decided 0 times"),
  ]);
});

test("no payment is made twice, none is lost, and none is left open", () => {
  const [transfer] = kept.transfers;
  const [payment] = kept.payments;
  if (transfer === undefined || payment === undefined) throw new Error("Nothing was paid.");
  const stray = { ...transfer, txHash: "0x01" };

  expect(check({ kept: { transfers: [...kept.transfers, transfer] } })).toEqual([
    expect.stringContaining("the chain says"),
    expect.stringContaining("is 2 transfers"),
  ]);
  expect(check({ kept: { transfers: [...kept.transfers, stray] } })).toEqual([
    expect.stringContaining("the chain says"),
    expect.stringContaining("belongs to no payment"),
  ]);
  expect(check({ kept: { transfers: kept.transfers.slice(1) } })).toEqual([
    expect.stringContaining("the chain says"),
    expect.stringContaining("is 0 transfers"),
  ]);
  const open = { ...payment, id: "open", state: "unknown", endedAt: null };
  expect(check({ kept: { payments: [...kept.payments, open] } })).toEqual(["payment open is still unknown"]);
});

test("budgets hold at every moment, and ledger, events and chain say the same", () => {
  const [session] = kept.sessions;
  if (session === undefined) throw new Error("There is no session.");
  const budget = first("budget");
  const over = JSON.parse(budget.text);
  over.data.reserved = "45.01";

  expect(findViolations([told], kept, 1_000_000n)).toContainEqual(expect.stringContaining("is over its budget"));
  expect(
    check(
      rewritten((all) => all.map((event) => (event === budget ? { ...event, text: JSON.stringify(over) } : event))),
    ),
  ).toEqual([expect.stringContaining("was over its budget at event")]);
  expect(check({ kept: { sessions: [{ ...session, reserved: 1n }] } })).toEqual([
    expect.stringContaining("still has 1 millionths set aside"),
  ]);
  expect(check({ kept: { sessions: [{ ...session, spent: session.spent + 1n }] } })).toEqual([
    expect.stringContaining("the spends add up to"),
    expect.stringContaining("the events say"),
    expect.stringContaining("the chain says"),
  ]);
  expect(check({ kept: { spends: kept.spends.slice(1) } })).toEqual([expect.stringContaining("the spends add up to")]);
});

test("no write happens twice, and no log is altered", async () => {
  expect(check({ kept: { effects: ["line-1", "line-1"] } })).toEqual(["a write happened twice"]);

  await runSql(server.database, "update events set at = '2020-01-01T00:00:00.000Z' where seq = 2");

  expect((await read()).broken).toEqual([expect.stringContaining("is not intact")]);
});
