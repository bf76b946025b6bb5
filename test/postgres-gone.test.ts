import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { FaultyProxy } from "./chaos/proxy.ts";
import { ask } from "./support/ask.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { administer, canOwnPostgres, cutConnections, ownPostgres, serverOn, urlOf } from "./support/own-postgres.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, type TestServer } from "./support/test-server.ts";

vi.setConfig({ testTimeout: 90_000 });

const own = ownPostgres();
const unavailable = { type: "error", data: { code: "unavailable" } };

function seqsOf({ events }: TestClient): number[] {
  return events.flatMap(({ seq }) => seq ?? []);
}

/** Commands a look, again as long as the store cannot be reached, until one is taken. */
async function commandTaken(client: TestClient, command = "look {}"): Promise<string> {
  for (;;) {
    const answer = await ask(client, "execute", { command });
    if (answer.type === "execution_started") return answer.data.execution_id;
    expect(answer).toMatchObject(unavailable);
  }
}

/** Waits until a server says that it is ready, or that it is not. */
function untilReady(server: TestServer, status: 200 | 503): Promise<void> {
  const look = async () => (await fetch(`${server.url}/health/ready`)).status;
  return expect.poll(look, { interval: 50, timeout: 30_000 }).toBe(status);
}

test.skipIf(!canOwnPostgres)(
  "while PostgreSQL is down commands are `unavailable` and sockets stay; when it is back all goes on, and nothing is lost",
  async () => {
    const postgres = own();
    await administer(postgres, ["create database down"]);
    const url = urlOf(postgres, { database: "down" });
    const world = fakeWorld();
    const parts = { world, worker: { sweepMs: 50, leaseMs: 1000 } };
    const [one, other] = [await serverOn(url, parts), await serverOn(url, parts)];
    const { id } = await one.createSession({ approval_threshold_usd: "1", if_busy: "queue" });
    const clients = [await one.connect(id, { lastSeq: 0 }), await other.connect(id, { lastSeq: 0 })] as const;
    const [near, far] = clients;
    const bought = execute(near, 'pay_service {"service":"news"}');
    const { data: question } = await far.first("approval_required", bought);
    const running = execute(near, 'wait {"seconds":2} && look {}');
    await far.first("tool_call", running);
    const queued = execute(near, "look {}");
    await far.first("execution_started", queued);

    await postgres.down();
    for (const client of clients) {
      expect(await ask(client, "execute", { command: "look {}" })).toMatchObject(unavailable);
      expect(await ask(client, "approve", { request_id: question.request_id })).toMatchObject(unavailable);
      expect(await ask(client, "cancel", { execution_id: running })).toMatchObject(unavailable);
    }
    for (const server of [one, other]) await untilReady(server, 503);
    expect(await one.http("GET", `/sessions/${id}`)).toMatchObject({ status: 503, body: { code: "unavailable" } });
    await postgres.up();
    for (const server of [one, other]) await untilReady(server, 200);

    far.send({ type: "approve", data: { request_id: question.request_id } });
    for (const client of clients) {
      for (const execution of [bought, running, queued])
        expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
      expect(client.socket.readyState).toBe(client.socket.OPEN);
      expect(seqsOf(client)).toEqual(seqsOf(client).map((_, index) => index + 1));
    }
    expect(seqsOf(near)).toEqual(seqsOf(far));
    expect(world.settled).toHaveLength(1);
  },
);

test.skipIf(!canOwnPostgres)(
  "a database that can only be read for a while refuses changes and shows what it has",
  async () => {
    const postgres = own();
    await administer(postgres, ["create database shut"]);
    const server = await serverOn(urlOf(postgres, { database: "shut" }));
    const { id } = await server.createSession();
    const client = await server.connect(id, { lastSeq: 0 });
    await client.end(execute(client, "look {}"));

    await administer(postgres, ["alter database shut set default_transaction_read_only = on", cutConnections]);
    const refusal = await ask(client, "execute", { command: "look {}" });
    const read = await server.http("GET", `/sessions/${id}/events?limit=100`);

    expect(refusal).toMatchObject(unavailable);
    expect(read.body.data).toHaveLength(seqsOf(client).length);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    await administer(postgres, ["alter database shut set default_transaction_read_only = off", cutConnections]);
    expect(await client.end(await commandTaken(client))).toMatchObject({ type: "complete", data: { success: true } });
  },
);

test.skipIf(!canOwnPostgres)(
  "a PostgreSQL server that falls silent counts as gone, and is found again",
  {
    timeout: 60_000,
  },
  async () => {
    const postgres = own();
    await administer(postgres, ["create database mute"]);
    const proxy = await FaultyProxy.open();
    onTestFinished(() => proxy.close());
    proxy.target = Number(new URL(postgres.url).port);
    const server = await serverOn(urlOf(postgres, { database: "mute" }).replace(/:\d+\//, `:${proxy.port}/`));
    const { id } = await server.createSession();
    const client = await server.connect(id, { lastSeq: 0 });
    await client.end(execute(client, "look {}"));

    proxy.isBlackhole = true;
    client.send({ type: "execute", id: "unheard", data: { command: "look {}" } });
    // What the session did before may be without its answer too, and the command waits for that first.
    const refusal = await client.find(({ ref }) => ref === "unheard", 30_000);

    expect(refusal).toMatchObject(unavailable);
    proxy.isBlackhole = false;
    // What was in the connections is lost, so they are no streams any more.
    proxy.cut();
    expect(await client.end(await commandTaken(client))).toMatchObject({ type: "complete", data: { success: true } });
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  },
);

/** A file system of a few megabytes for the server, gone when the test is over; undefined where none may be mounted. */
function smallDisk(ownerOf: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "paygent-disk-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", [folder]));
  execFileSync("chown", ["--reference", ownerOf, folder]);
  execFileSync("chmod", ["700", folder]);
  return folder;
}

test.skipIf(!canOwnPostgres)(
  "on a full disk of PostgreSQL commands are `unavailable`, reads go on, and all goes on when there is room",
  async ({ skip }) => {
    const postgres = own();
    const disk = smallDisk(postgres.data);
    if (disk === undefined) return skip("No small file system can be mounted here.");
    await administer(postgres, [
      `create tablespace small location '${disk}'`,
      "create database cramped tablespace small",
    ]);
    onTestFinished(() => administer(postgres, ["drop database cramped with (force)", "drop tablespace small"]));
    const server = await serverOn(urlOf(postgres, { database: "cramped" }));
    const { id } = await server.createSession();
    const client = await server.connect(id, { lastSeq: 0 });
    await client.end(execute(client, "look {}"));
    const fill = "insert into ballast select repeat(md5(random()::text), 60) from generate_series(1, 20000)";
    await administer(postgres, ["create table ballast (text text)"], "cramped");
    await expect(administer(postgres, [fill], "cramped")).rejects.toMatchObject({ code: "53100" });

    const long = "x".repeat(3900);
    let refusal = await ask(client, "execute", { command: `look {"text":"${long}"}` });
    while (refusal.type !== "error") refusal = await ask(client, "execute", { command: `look {"text":"${long}"}` });

    expect(refusal).toMatchObject(unavailable);
    expect((await server.http("GET", `/sessions/${id}/events?limit=10`)).status).toBe(200);
    await administer(postgres, ["drop table ballast"], "cramped");
    expect(await client.end(await commandTaken(client))).toMatchObject({ type: "complete", data: { success: true } });
    expect(seqsOf(client)).toEqual(seqsOf(client).map((_, index) => index + 1));
  },
);

test.skipIf(!canOwnPostgres)("columns that a newer version adds beside a running one disturb nothing", async () => {
  const postgres = own();
  await administer(postgres, ["create database newer"]);
  const server = await serverOn(urlOf(postgres, { database: "newer" }));
  const { id } = await server.createSession({ tools: { look: "ask" } });
  const client = await server.connect(id, { lastSeq: 0 });
  const answered = async () => {
    const execution = execute(client, "look {}");
    const { data } = await client.first("approval_required", execution);
    client.send({ type: "approve", data: { request_id: data.request_id } });
    return client.end(execution);
  };
  // Often enough for every connection to have prepared what it runs.
  for (let round = 0; round < 3; round++) await answered();

  for (const table of ["sessions", "executions", "events", "approvals", "spend_rules"]) {
    await administer(postgres, [`alter table ${table} add column later text`], "newer");
    expect(await answered()).toMatchObject({ type: "complete", data: { success: true } });
  }

  expect(client.events.filter(({ type }) => type === "error")).toEqual([]);
});
