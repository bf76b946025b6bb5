import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { ask } from "./support/ask.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { knock } from "./support/knock.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, startTestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";

/** For what comes back when the database does. */
const patience = { timeout: 10_000 };
const isPostgres = process.env.DATABASE_URL !== undefined;
const parts = {
  model: callingModel(),
  tools: [readTool("look", () => "seen")],
  worker: { sweepMs: 50, leaseMs: 1000 },
};

/** A connection beside the server's, to the database it uses or to one that it does not. */
async function administrator(database: TestDatabase, name?: string): Promise<pg.Client> {
  const url = new URL(database.env.DATABASE_URL ?? "");
  if (name !== undefined) url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Cuts a server off from its database, and lets it in again. */
async function databaseDoors(database: TestDatabase) {
  const name = new URL(database.env.DATABASE_URL ?? "").pathname.slice(1);
  const admin = await administrator(database, "postgres");
  return {
    async shut() {
      await admin.query(`alter database ${name} allow_connections false`);
      await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]);
    },
    open: () => admin.query(`alter database ${name} allow_connections true`),
  };
}

const terminateAll = (client: pg.Client) =>
  client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );

test.skipIf(!isPostgres)(
  "while the database is away metrics are for the token that cannot be revoked, and for no other",
  async () => {
    const server = await serverForTest(parts);
    const local = await startTestServer({ ...parts, database: server.database, env: { PAYGENT_AUTH_SECRET: "" } });
    onTestFinished(() => local.remove());
    const scrape = (url: string, token = "") =>
      fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    const admin = await server.token("root", { scope: "admin" });
    const doors = await databaseDoors(server.database);

    await doors.shut();
    const refused = await scrape(server.url, admin);
    const served = await scrape(local.url, local.accessToken);
    await doors.open();

    expect(refused.status).toBe(503);
    expect(served.status).toBe(200);
    expect(await served.text()).toMatch(/^paygent_database_up 0$/m);
    await expect.poll(async () => (await scrape(server.url, admin)).status, patience).toBe(200);
  },
);

test.skipIf(!isPostgres)(
  "connections that PostgreSQL cuts amid the work cost a command `unavailable` at most, and all work ends",
  async () => {
    const server = await serverForTest(parts);
    const { id } = await server.createSession({ if_busy: "queue" });
    const client = await server.connect(id, { lastSeq: 0 });
    const admin = await administrator(server.database);
    const accepted: string[] = [];
    const codes = new Set<unknown>();

    for (let round = 1; round <= 30; round++) {
      const answers = [1, 2, 3].map(() => ask(client, "execute", { command: Array(5).fill("look {}").join(" && ") }));
      await terminateAll(admin);
      for (const answer of await Promise.all(answers)) {
        if (answer.type === "execution_started") accepted.push(answer.data.execution_id);
        else codes.add(answer.type === "error" ? answer.data.code : answer.type);
      }
    }

    expect([...codes].filter((code) => code !== "unavailable")).toEqual([]);
    expect(accepted.length).toBeGreaterThan(0);
    for (const execution of accepted)
      expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
  },
  60_000,
);

test.skipIf(!isPostgres)(
  "a database that takes no connections is `unavailable` to commands and reads, and all goes on when it does again",
  async () => {
    const server = await serverForTest(parts);
    const { id } = await server.createSession();
    const client = await server.connect(id, { lastSeq: 0 });
    await client.end(execute(client, "look {}"));
    const doors = await databaseDoors(server.database);
    await doors.shut();

    const refusal = await ask(client, "execute", { command: "look {}" });
    const read = await server.http("GET", `/sessions/${id}`);
    const health = await fetch(`${server.url}/health/ready`);

    expect(refusal).toMatchObject({ type: "error", data: { code: "unavailable" } });
    expect(read).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(health.status).toBe(503);
    await doors.open();
    expect(await client.end(execute(client, "look {}"))).toMatchObject({ type: "complete" });
  },
);

test.skipIf(!isPostgres)(
  "while a database takes no connections sockets stay, and nobody gets in or says more than was granted before",
  async () => {
    const env = { PAYGENT_MESSAGES_PER_USER: "50", PAYGENT_SOCKETS_PER_USER: "4" };
    const server = await serverForTest({ ...parts, env });
    const { id } = await server.createSession();
    const clients = [await server.connect(id), await server.connect(id), await server.connect(id)];
    const [first, second] = clients;
    if (first === undefined || second === undefined) throw new Error("Three clients are connected.");
    const doors = await databaseDoors(server.database);
    await doors.shut();

    const codes: unknown[] = [];
    for (let count = 0; count < 5; count++) {
      const answer = await ask(first, "ping", {});
      codes.push(answer.type === "error" ? answer.data.code : answer.type);
    }
    const refused = await knock(server, id);
    await second.close();
    await doors.open();

    // A fiftieth of a second's worth was in hand.
    expect(codes.filter((code) => code === "pong").length).toBeLessThanOrEqual(1);
    expect(new Set(codes.slice(1))).toEqual(new Set(["unavailable"]));
    expect(refused.status).toBe(503);
    expect(refused.headers["retry-after"]).toBe("1");
    await expect.poll(async () => (await ask(first, "ping", {})).type, patience).toBe("pong");
    // Two are open, one of the three having left while nobody could be told.
    const knocks = await Promise.all(Array.from({ length: 6 }, () => knock(server, id)));
    expect(knocks.filter(({ status }) => status === 101)).toHaveLength(2);
    for (const { socket } of [refused, ...knocks]) socket.destroy();
  },
);

test.skipIf(!isPostgres)(
  "a limit that the database does not answer for is `unavailable` within seconds, and who gave up takes no place",
  async () => {
    const env = { PAYGENT_MESSAGES_PER_USER: "50", PAYGENT_SOCKETS_PER_USER: "3" };
    const server = await serverForTest({ ...parts, env });
    const { id } = await server.createSession();
    const client = await server.connect(id);
    const admin = await administrator(server.database);
    await admin.query("begin; lock table socket_counts, rate_buckets in access exclusive mode");

    const pings = [ask(client, "ping", {}), ask(client, "ping", {})];
    const [refused] = await Promise.all([knock(server, id), ...pings]);
    await admin.query("rollback");

    expect(refused.status).toBe(503);
    expect(await pings.at(-1)).toMatchObject({ type: "error", data: { code: "unavailable" } });
    await expect.poll(async () => (await ask(client, "ping", {})).type, patience).toBe("pong");
    const knocks = await Promise.all(Array.from({ length: 5 }, () => knock(server, id)));
    expect(knocks.filter(({ status }) => status === 101)).toHaveLength(2);
    for (const { socket } of [refused, ...knocks]) socket.destroy();
  },
);

test.skipIf(!isPostgres)("servers that start at once on an empty database make its tables once", async () => {
  const database = await testDatabase();
  const folders = await Promise.all([1, 2, 3].map(() => testDatabase("")));
  onTestFinished(async () => {
    for (const folder of folders) await folder.remove();
    await database.remove();
  });

  const servers = await Promise.all(
    folders.map((folder) => startTestServer({ ...parts, database: { ...folder, env: database.env } })),
  );

  const [first] = servers;
  const { id } = (await first?.createSession()) ?? { id: "" };
  for (const server of servers) expect((await server.http("GET", `/sessions/${id}`)).status).toBe(200);
  for (const server of servers) await server.remove();
});
