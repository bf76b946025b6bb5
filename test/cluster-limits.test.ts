import { randomUUID } from "node:crypto";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { ask } from "./support/ask.ts";
import type { TestDatabase } from "./support/database.ts";
import { type Knock, knock } from "./support/knock.ts";
import { databaseForProcesses, startProcess } from "./support/server-process.ts";
import { runSql } from "./support/store-fault.ts";
import type { TestClient } from "./support/test-client.ts";
import type { TestServer } from "./support/test-server.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const limit = 20;
const rounds = 5;
const patience = { timeout: 20_000 };

/** A clock that stands still for both nodes: what was spent comes back when a test moves it. */
function standingClock() {
  const clock = { ms: Date.now(), now: () => clock.ms };
  return clock;
}

/** Asks both nodes for so many sockets each, all at once; they close when the test is over. */
async function knockAtBoth(
  nodes: readonly TestServer[],
  sessionId: string,
  count: number,
  options: Parameters<typeof knock>[2] = {},
): Promise<{ open: Knock[]; refused: Knock[] }> {
  const knocks = nodes.flatMap((node) => Array.from({ length: count }, () => knock(node, sessionId, options)));
  const answers = await Promise.all(knocks);
  onTestFinished(() => {
    for (const { socket } of answers) socket.destroy();
  });
  return {
    open: answers.filter(({ status }) => status === 101),
    refused: answers.filter(({ status }) => status !== 101),
  };
}

/** Whether a node lets in one more; it leaves again. */
async function hasRoom(...given: Parameters<typeof knock>): Promise<boolean> {
  const { status, socket } = await knock(...given);
  socket.destroy();
  return status === 101;
}

test.skipIf(!isShared)(
  `a user's sockets stop at the limit when twice as many connect on both nodes at once (${rounds} rounds)`,
  async () => {
    const nodes = await twoNodes({ env: { PAYGENT_SOCKETS_PER_USER: String(limit) } });
    const [one, other] = nodes;
    const { id } = await one.createSession();
    const { id: bobs } = await other.createSession({}, "bob");

    for (let round = 0; round < rounds; round++) {
      const { open, refused } = await knockAtBoth(nodes, id, 2 * limit);

      expect(open).toHaveLength(limit);
      expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
      expect(Number(refused[0]?.headers["retry-after"])).toBeGreaterThan(0);
      for (const node of nodes) expect(await hasRoom(node, bobs, { userId: "bob" })).toBe(true);
      const leaving = open.slice(limit / 2);
      for (const { socket } of leaving) socket.destroy();
      await expect.poll(() => socketsCounted(one.database), patience).toBe(limit / 2);
      const next = await knockAtBoth(nodes, id, limit);
      expect(next.open).toHaveLength(limit / 2);
      for (const { socket } of [...open, ...next.open]) socket.destroy();
      await expect.poll(() => socketsCounted(one.database), patience).toBe(0);
    }
  },
  60_000,
);

test.skipIf(!isShared)("the sockets of an address stop at the limit over both nodes, whoever's they are", async () => {
  const nodes = await twoNodes({ env: { PAYGENT_SOCKETS_PER_ADDRESS: String(limit) } });
  const [one, other] = nodes;
  const users = ["alice", "bob", "carol"];
  const ids = await Promise.all(users.map(async (userId) => (await one.createSession({}, userId)).id));

  const knocks = await Promise.all(
    users.map((userId, index) => knockAtBoth(nodes, ids[index] ?? "", limit, { userId, from: "127.0.0.2" })),
  );

  expect(knocks.flatMap(({ open }) => open)).toHaveLength(limit);
  expect(await hasRoom(other, ids[0] ?? "", { from: "127.0.0.3" })).toBe(true);
});

test.skipIf(!isShared)(
  "a killed node's sockets count until its lease has run out, and then no more",
  async () => {
    const database = await databaseForProcesses();
    const env = { TEST_WORLD: "fake", TEST_LEASE_MS: "6000", PAYGENT_SOCKETS_PER_USER: "3" };
    const one = await startProcess(database, "faulty", env);
    const other = await startProcess(database, "faulty", env);
    const { id } = await one.createSession();
    for (let count = 0; count < 3; count++) await one.connect(id);
    expect(await hasRoom(other, id)).toBe(false);

    await one.kill();

    expect(await hasRoom(other, id)).toBe(false);
    await expect.poll(() => hasRoom(other, id), patience).toBe(true);
  },
  60_000,
);

test.skipIf(!isShared)("what the database loses of a node's sockets is counted again within its lease", async () => {
  const [one, other] = await twoNodes({
    env: { PAYGENT_SOCKETS_PER_USER: "3" },
    worker: { sweepMs: 50, leaseMs: 1000 },
  });
  const { id } = await one.createSession();
  for (let count = 0; count < 3; count++) await one.connect(id);

  await runSql(one.database, "delete from socket_counts");

  await expect.poll(() => hasRoom(other, id), patience).toBe(false);
});

test.skipIf(!isShared)("the messages of a user stay within the limit over both nodes", async () => {
  const clock = standingClock();
  const nodes = await twoNodes({ clock, env: { PAYGENT_MESSAGES_PER_USER: "50" } });
  const [one] = nodes;
  const { id } = await one.createSession();
  const { id: bobs } = await one.createSession({}, "bob");
  const clients = await Promise.all([...nodes, ...nodes, ...nodes].map((node) => node.connect(id)));

  const atOnce = await pongs(clients, 40);
  clock.ms += 1000;
  const later = await pongs(clients, 20);

  // A node may end with an allotment of one in hand.
  expect(atOnce).toBeGreaterThanOrEqual(98);
  expect(atOnce).toBeLessThanOrEqual(100);
  expect(atOnce + later).toBeGreaterThanOrEqual(148);
  expect(atOnce + later).toBeLessThanOrEqual(150);
  for (const node of nodes) {
    const bob = await node.connect(bobs, { userId: "bob" });
    expect(await pongs([bob], 1)).toBe(1);
  }
});

test.skipIf(!isShared)(
  "the HTTP requests of a user, and of an address, stay within theirs over both nodes",
  async () => {
    const clock = standingClock();
    const limits = { PAYGENT_REQUESTS_PER_USER: "50", PAYGENT_REQUESTS_PER_ADDRESS: "60" };
    const nodes = await twoNodes({ clock, env: limits });
    const served = async (userId: string, count: number) => {
      const requests = nodes.flatMap((node) =>
        Array.from({ length: count }, () => node.http("GET", "/sessions", { userId })),
      );
      const answers = await Promise.all(requests);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
      return answers.filter(({ status }) => status === 200).length;
    };

    const alices = await served("alice", 55);
    const bobs = await served("bob", 30);

    // A node may end with an allotment in hand: one of a user, two of an address.
    expect(alices).toBeGreaterThanOrEqual(98);
    expect(alices).toBeLessThanOrEqual(100);
    // Of the address's 120 at once, Alice used 110.
    expect(bobs).toBeGreaterThanOrEqual(6);
    expect(bobs).toBeLessThanOrEqual(10);
  },
);

test.skipIf(!isShared)("the open executions of a session stop at 1,000 over both nodes", async () => {
  const nodes = await twoNodes();
  const [one] = nodes;
  const { id } = await one.createSession({ if_busy: "queue" });
  await runSql(
    one.database,
    `insert into executions (id, session_id, user_id, command, request_hash, status, first_seq, created_at)
     select gen_random_uuid()::text, '${id}', 'alice', 'wait', '', 'waiting', 0, '2026-01-01T00:00:00.000Z'
     from generate_series(1, 990)`,
  );
  const clients = await Promise.all(nodes.map((node) => node.connect(id)));

  const answers = await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: 20 }, () =>
        ask(client, "execute", { command: 'wait {"seconds":30}', execution_id: randomUUID() }),
      ),
    ),
  );

  expect(answers.filter(({ type }) => type === "execution_started")).toHaveLength(10);
  const refusals = answers.filter(({ type }) => type === "error");
  expect(new Set(refusals.map(({ data }) => "code" in data && data.code))).toEqual(new Set(["quota_exceeded"]));
});

/** How many pings, of so many that each client sends, are answered with a pong. */
async function pongs(clients: readonly TestClient[], count: number): Promise<number> {
  const answers = clients.flatMap((client) => Array.from({ length: count }, () => ask(client, "ping", {})));
  return (await Promise.all(answers)).filter(({ type }) => type === "pong").length;
}

/** How many sockets the nodes have said that they have of users. */
async function socketsCounted(database: TestDatabase): Promise<number> {
  const client = new pg.Client({ connectionString: database.env.DATABASE_URL });
  await client.connect();
  const { rows } = await client.query(
    "select coalesce(sum(sockets::int), 0)::int as sockets from socket_counts, jsonb_each_text(counts) as each (node, sockets) where kind = 'user'",
  );
  await client.end();
  return rows[0].sockets;
}
