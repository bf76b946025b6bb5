import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { PaygentError } from "../src/protocol/errors.ts";
import { testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { type FakeWorld, fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buy = (service: string) => `pay_service {"service":"${service}"}`;
const removed: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const remove of removed.splice(0).reverse()) await remove();
});

const chainIsDown = async () => {
  throw new PaygentError("unavailable", "The chain does not answer.");
};
const chainIsUp = async () => undefined;

async function start(world: FakeWorld, database?: Awaited<ReturnType<typeof testDatabase>>) {
  const server = await startTestServer({
    model: callingModel(),
    world,
    ...(database === undefined ? {} : { database }),
  });
  removed.push(() => server.remove());
  return server;
}

async function openSession(server: TestServer) {
  const user = crypto.randomUUID();
  const { id } = await server.createSession({}, user);
  const read = async (path: string) => (await server.http("GET", path, { userId: user })).body;
  return { id, user, client: await server.connect(id, { userId: user }), read };
}

/** Waits for the session's budget to be this after an execution has ended: such an event names no execution. */
function laterBudget(client: Awaited<ReturnType<typeof openSession>>["client"], budget: Record<string, string>) {
  return client.find(
    ({ type, data, seq }) =>
      type === "budget" &&
      seq !== undefined &&
      !("execution_id" in data) &&
      Object.entries(budget).every(([key, value]) => Object.entries(data).some(([k, v]) => k === key && v === value)),
  );
}

test("a payment that settled while the chain was silent is found later, and the session is told", async () => {
  const world = fakeWorld();
  const server = await start(world);
  const { id, client, read } = await openSession(server);
  world.beforeChain = chainIsDown;

  const execution = execute(client, buy("market-data"));
  await client.end(execution);
  const [open] = (await read(`/payments?session_id=${id}`)).data;
  const statement = await read(`/payments/statement?session_id=${id}`);
  world.beforeChain = chainIsUp;

  await laterBudget(client, { spent: "0.10", reserved: "0.00" });
  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ error: { code: "payment_unknown" } }]);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.10" });
  expect(open).toMatchObject({ state: "unknown" });
  expect(statement).toMatchObject({ settled: [], pending: [{ amount: "0.10", payments: 1 }] });
  const payment = await read(`/payments/${open.payment_id}`);
  expect(payment).toMatchObject({ state: "settled", content: "missing" });
  expect(payment.timeline.map(({ state }: { state: string }) => state)).toEqual([
    "quoted",
    "reserved",
    "signed",
    "sent",
    "unknown",
    "settled",
    "missing",
  ]);
});

test("a payment that was never taken is void once the chain can say so, and its money comes back", async () => {
  const world = fakeWorld();
  world.beforeSettle = async () => {
    throw new PaygentError("tool_failed", "The service is not there.");
  };
  const server = await start(world);
  const { id, client, read } = await openSession(server);
  world.beforeChain = chainIsDown;

  await client.end(execute(client, buy("market-data")));
  world.beforeChain = chainIsUp;

  await laterBudget(client, { spent: "0.00", reserved: "0.00" });
  expect((await read(`/payments?session_id=${id}`)).data).toMatchObject([{ state: "cancelled" }]);
  expect(world.settled).toEqual([]);
});

test("a cancelled execution whose money is out names it as unknown, and is settled after it", async () => {
  const world = fakeWorld();
  const server = await start(world);
  const { id, client, read } = await openSession(server);
  const sending = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  world.beforeSettle = async () => {
    sending.resolve();
    await held.promise;
  };
  world.beforeChain = chainIsDown;
  const execution = execute(client, buy("market-data"));
  await sending.promise;

  client.send({ type: "cancel", data: { execution_id: execution } });
  const end = await client.end(execution);
  held.resolve();
  await nextTurn();
  world.beforeChain = chainIsUp;

  expect(end).toMatchObject({ type: "cancelled", data: { in_flight: [{ outcome: "unknown" }], released_usd: "0.00" } });
  await laterBudget(client, { spent: "0.10", reserved: "0.00" });
  expect((await read(`/payments?session_id=${id}`)).data).toMatchObject([{ state: "settled" }]);
});

test("a server that starts drives the payments that another left open to their end, a few at a time", async () => {
  const database = await testDatabase();
  removed.push(() => database.remove());
  const world = fakeWorld();
  world.beforeChain = chainIsDown;
  const first = await startTestServer({ model: callingModel(), world, database });
  const sessions = await Promise.all(Array.from({ length: 20 }, () => openSession(first)));
  await Promise.all(sessions.map(({ client }) => client.end(execute(client, buy("market-data")))));
  await first.closeClients();
  await first.close();
  let atOnce = 0;
  let most = 0;
  world.beforeChain = async () => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await nextTurn();
    atOnce -= 1;
  };

  const second = await start(world, database);
  for (const { id, user } of sessions) {
    const watcher = await second.connect(id, { userId: user, lastSeq: 0 });
    await laterBudget(watcher, { spent: "0.10", reserved: "0.00" });
  }
  expect(world.settled).toHaveLength(20);
  expect(most).toBeLessThanOrEqual(16);
});

test("a payment that stays open does not keep the others from their end", async () => {
  const world = fakeWorld();
  const server = await start(world);
  const stuck = await openSession(server);
  world.beforeChain = chainIsDown;
  await stuck.client.end(execute(stuck.client, buy("news")));
  const free = await openSession(server);
  await free.client.end(execute(free.client, buy("market-data")));

  const { outcome } = world.wallet;
  world.beforeChain = chainIsUp;
  Object.assign(world.wallet, {
    outcome: (...args: Parameters<typeof outcome>) =>
      args[0].url.endsWith("/news") ? chainIsDown() : outcome(...args),
  });

  await laterBudget(free.client, { spent: "0.10", reserved: "0.00" });
  expect((await stuck.read(`/payments?session_id=${stuck.id}`)).data).toMatchObject([{ state: "unknown" }]);
});

test("a transfer under way when the server goes down is carried on by the next one, and happens once", async () => {
  const database = await testDatabase();
  removed.push(() => database.remove());
  const world = fakeWorld();
  const sending = Promise.withResolvers<void>();
  world.beforeSettle = () => {
    sending.resolve();
    return new Promise(() => undefined);
  };
  const first = await startTestServer({ model: callingModel(), world, database });
  const { id, user, client } = await openSession(first);
  const execution = execute(client, 'transfer {"to":"0x04","amount":"0.5","currency":"USDC"}');
  await sending.promise;
  await first.closeClients();
  await first.close();
  world.beforeSettle = chainIsUp;

  const second = await start(world, database);
  const watcher = await second.connect(id, { userId: user, lastSeq: 0 });
  const end = await watcher.end(execution);

  expect(end).toMatchObject({ type: "complete", data: { success: true, total_cost: "0.50 USD" } });
  expect(world.settled).toHaveLength(1);
  expect(world.signed.size).toBe(1);
});
