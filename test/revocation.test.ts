import { sql } from "kysely";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { localBus } from "../src/cluster/local-bus.ts";
import { commitCommand } from "../src/runtime/runtime.ts";
import { openStore, openStoreForReading } from "../src/store/database.ts";
import { revocationsSince } from "../src/store/revocations.ts";
import type { Database } from "../src/store/statement.ts";
import { bearer } from "./support/bearer.ts";
import { connectWith } from "./support/connect-with.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { manualClock } from "./support/manual-clock.ts";
import { revoke } from "./support/revoke.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { TestClient } from "./support/test-client.ts";
import { execute, type TestServer } from "./support/test-server.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const buy = 'pay_service {"service":"premium-report"}';
const minute = 60_000;
const day = 24 * 60 * minute;
const seconds = (ms: number) => Math.floor(ms / 1000);
const socketUrl = (server: TestServer, id: string) => `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}`;

async function start() {
  const clock = manualClock();
  const server = await serverForTest({ clock, model: callingModel() });
  const { id } = await server.createSession();
  return { clock, server, id };
}

async function pendingOf(server: Pick<TestServer, "http">): Promise<string[]> {
  const { body } = await server.http("GET", "/approvals?status=pending");
  return body.data.map(({ request_id }: { request_id: string }) => request_id);
}

async function read<T>({ dataDir, env }: TestDatabase, query: (db: Database) => Promise<T>): Promise<T> {
  const { DATABASE_URL: url } = env;
  const store = await openStoreForReading(url === undefined ? { dataDir } : { url });
  try {
    return await query(store.db);
  } finally {
    await store.close();
  }
}

const revocationsIn = (database: TestDatabase) => read(database, (db) => revocationsSince(db, ""));
const ticketsIn = (database: TestDatabase) =>
  read(database, async (db) => (await db.selectFrom("tickets").select("hash").execute()).length);

/** How many wait for the table on PostgreSQL. */
async function locksAwaited(db: Database): Promise<number> {
  const { rows } = await sql`select 1 from pg_locks where relation = 'revocations'::regclass and not granted`.execute(
    db,
  );
  return rows.length;
}

/** What each entrance says to a token: HTTP status or close code; 0 for a socket that is let in. */
async function doors(server: TestServer, id: string, token: string) {
  const socket = new TestClient(socketUrl(server, id), { token });
  const isIn = await Promise.race([socket.first("connected").then(() => true), socket.closed.then(() => false)]);
  const socketCode = isIn ? 0 : (await socket.closed).code;
  await socket.close();
  const inQuery = await fetch(`${server.url}/api/v1/sessions/${id}/events?token=${token}`, {
    headers: { accept: "text/event-stream" },
  });
  await inQuery.body?.cancel();
  const ticket = await bearer(server, token, "POST", "/tickets", { session_id: id });
  return {
    http: (await bearer(server, token, "GET", "/sessions")).status,
    socket: socketCode,
    stream: inQuery.status,
    ticket: ticket.status,
  };
}

const open = { http: 200, socket: 0, stream: 200, ticket: 201 };
const shut = { http: 401, socket: 4401, stream: 401, ticket: 401 };

test("a token revoked by its id ends its sockets with 4401 and opens no door; the user's other tokens go on", async () => {
  const { server, id } = await start();
  const stolen = await server.token("alice", { jti: "stolen" });
  const sockets = await Promise.all(
    Array.from({ length: 50 }, () => connectWith(server, id, { sub: "alice", jti: "stolen" })),
  );
  const other = await connectWith(server, id, { sub: "alice", jti: "other" });
  expect(await doors(server, id, stolen)).toEqual(open);

  const { status, body } = await revoke(server, { token_id: "stolen" });
  const revokedAt = performance.now();
  for (const socket of sockets) socket.send({ type: "ping", data: {}, id: "late" });
  const closed = await Promise.all(sockets.map((socket) => socket.closed));

  expect(performance.now() - revokedAt).toBeLessThan(5000);
  expect([status, body]).toEqual([201, { token_id: "stolen", by: "root", revoked_at: expect.any(String) }]);
  expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([4401]));
  // This server had told them to go before it answered.
  expect(sockets.flatMap(({ events }) => events.filter(({ ref }) => ref === "late"))).toEqual([]);
  expect(await doors(server, id, stolen)).toEqual(shut);
  other.send({ type: "ping", data: {}, id: "here" });
  expect(await other.answerTo("here")).toMatchObject({ type: "pong" });
});

test("all tokens of a user that were issued before are revoked, also those that do not say when, and no later ones", async () => {
  const { clock, server, id } = await start();
  const exp = seconds(clock.now()) + 3600;
  const at = (ms: number) => server.token("alice", { exp, iat: seconds(clock.now() + ms) });
  const early = await at(-minute);
  const silent = await server.token("alice", { exp });
  const bobs = await server.token("bob", { exp, iat: seconds(clock.now() - minute) });

  await revoke(server, { user_id: "alice" });
  clock.advance(minute);
  const late = await at(0);
  const ahead = await at(minute);

  expect(await doors(server, id, early)).toEqual(shut);
  expect(await doors(server, id, silent)).toEqual(shut);
  expect(await doors(server, id, ahead)).toEqual(shut);
  expect(await doors(server, id, late)).toEqual(open);
  expect((await bearer(server, bobs, "GET", "/sessions")).status).toBe(200);
});

test("a second revocation of a user is of the tokens issued since; a second one of a token changes nothing", async () => {
  const { clock, server } = await start();
  const first = await revoke(server, { token_id: "one" });
  await revoke(server, { user_id: "alice" });
  clock.advance(minute);
  const between = await server.token("alice", { exp: seconds(clock.now()) + 3600, iat: seconds(clock.now()) });
  const before = await bearer(server, between, "GET", "/sessions");
  clock.advance(minute);

  await revoke(server, { user_id: "alice" });
  const again = await revoke(server, { token_id: "one" });

  expect(before.status).toBe(200);
  expect((await bearer(server, between, "GET", "/sessions")).status).toBe(401);
  expect(again).toEqual(first);
});

test.each([{ token_id: "mine" }, { user_id: "alice" }])(
  "a ticket made with a token revoked by %j lets nobody in",
  async (target) => {
    const { clock, server, id } = await start();
    const claims = { jti: "mine", iat: seconds(clock.now() - minute), exp: seconds(clock.now()) + 3600 };
    const token = await server.token("alice", claims);
    const make = async () => (await bearer(server, token, "POST", "/tickets", { session_id: id })).body.ticket;
    const [forSocket, forStream] = [await make(), await make()];

    await revoke(server, target);
    const socket = new TestClient(`${socketUrl(server, id)}&token=${forSocket}`, {});
    const stream = await fetch(`${server.url}/api/v1/sessions/${id}/events?token=${forStream}`, {
      headers: { accept: "text/event-stream" },
    });

    expect([(await socket.closed).code, stream.status]).toEqual([4401, 401]);
  },
);

test("a socket and a stream that came in by a ticket end with the token that it was made with", async () => {
  const { server, id } = await start();
  const token = await server.token("alice", { jti: "mine" });
  const make = async () => (await bearer(server, token, "POST", "/tickets", { session_id: id })).body.ticket;
  const socket = new TestClient(`${socketUrl(server, id)}&token=${await make()}`, {});
  await socket.first("connected");
  const address = `${server.url}/api/v1/sessions/${id}/events?token=${await make()}`;
  const stream = await fetch(address, { headers: { accept: "text/event-stream" } });

  await revoke(server, { token_id: "mine" });

  expect(await stream.text()).toBe(": connected\n\n");
  expect((await socket.closed).code).toBe(4401);
});

test("an event stream ends when its token is revoked, and those of other tokens go on", async () => {
  const { server, id } = await start();
  const follow = (token: string) =>
    fetch(`${server.url}/api/v1/sessions/${id}/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${token}` },
    });
  const revoked = await follow(await server.token("alice", { jti: "mine" }));
  const lasting = (await follow(await server.token("alice", { jti: "other" }))).body?.getReader();
  await lasting?.read();

  await revoke(server, { token_id: "mine" });

  expect(await revoked.text()).toBe(": connected\n\n");
  const client = await server.connect(id);
  const execution = execute(client, "check_balance");
  expect((await lasting?.read())?.done).toBe(false);
  await client.end(execution);
  await lasting?.cancel();
});

test("an edit that was under way when its token was revoked decides nothing", async () => {
  const world = fakeWorld();
  const asked = Promise.withResolvers<void>();
  const price = Promise.withResolvers<void>();
  const { quote } = world.wallet;
  const slow: typeof quote = async (url, signal) => {
    if (url.endsWith("/news")) {
      asked.resolve();
      await price.promise;
    }
    return quote(url, signal);
  };
  const server = await serverForTest({
    world: { ...world, wallet: { ...world.wallet, quote: slow } },
    model: callingModel(),
  });
  const { id } = await server.createSession();
  const watcher = await server.connect(id);
  const execution = execute(watcher, buy);
  const { data: request } = await watcher.first("approval_required", execution);
  const token = await server.token("alice", { jti: "mine" });
  const edited = bearer(server, token, "POST", `/approvals/${request.request_id}/edit`, {
    edited_args: { service: "news" },
  });
  await asked.promise;

  await revoke(server, { token_id: "mine" });
  price.resolve();

  expect((await edited).status).toBe(401);
  expect(await pendingOf(server)).toEqual([request.request_id]);
});

test("who revoked whom and when stands in the database and in the log", async () => {
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  const database = await testDatabase();
  onTestFinished(() => database.remove());
  const server = await serverForTest({ logger, database });

  const { body } = await revoke(server, { user_id: "alice" });

  const told = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "tokens revoked");
  expect(told).toMatchObject([{ kind: "user", subject: "alice", by: "root", revoked_at: body.revoked_at }]);
  expect(await revocationsIn(database)).toEqual([
    { kind: "user", subject: "alice", byUser: "root", revokedAt: body.revoked_at },
  ]);
});

test("a revocation is dropped when all tokens from before it have ended by PAYGENT_MAX_TOKEN_DAYS, and lets none of them in", async () => {
  const clock = manualClock();
  const env = { PAYGENT_MAX_TOKEN_DAYS: "2" };
  const { database, ...server } = await serverForTest({ clock, env });
  const issued = (ms: number) =>
    server.token("alice", { jti: "mine", iat: seconds(clock.now() + ms), exp: seconds(clock.now() + 30 * day) });
  const asAdmin = (target: object) =>
    revoke(server, target, { iat: seconds(clock.now()), exp: seconds(clock.now() + minute) });
  const stolen = await issued(-minute);
  await asAdmin({ token_id: "mine" });
  await asAdmin({ user_id: "alice" });

  const held = (await revocationsIn(database)).length;
  clock.advance(2 * day);
  await asAdmin({ user_id: "bob" });
  clock.advance(2 * minute);
  await expect.poll(() => revocationsIn(database)).toMatchObject([{ subject: "bob" }]);

  expect(held).toBe(2);
  expect((await bearer(server, stolen, "GET", "/sessions")).status).toBe(401);
  expect((await bearer(server, await issued(-minute), "GET", "/sessions")).status).toBe(200);
});

test("without PAYGENT_MAX_TOKEN_DAYS revocations are kept, since a token may be of any age", async () => {
  const clock = manualClock();
  const { database, ...server } = await serverForTest({ clock });
  const { id } = await server.createSession();
  const exp = seconds(clock.now() + 4000 * day);
  const stolen = await server.token("alice", { jti: "mine", exp });
  await bearer(server, stolen, "POST", "/tickets", { session_id: id });
  await revoke(server, { token_id: "mine" });

  clock.advance(3900 * day);
  await expect.poll(() => ticketsIn(database)).toBe(0);

  expect((await bearer(server, stolen, "GET", "/sessions")).status).toBe(401);
});

test("only an admin revokes, and not with a token that was revoked", async () => {
  const { server } = await start();
  const weak = await server.token("alice", { scope: "execute approve read" });
  const admin = await server.token("root", { scope: "admin", jti: "admin" });

  const refused = await bearer(server, weak, "POST", "/revocations", { user_id: "bob" });
  const own = await bearer(server, admin, "POST", "/revocations", { token_id: "admin" });
  const after = await bearer(server, admin, "POST", "/revocations", { user_id: "bob" });

  expect([refused.status, own.status, after.status]).toEqual([403, 201, 401]);
  expect((await server.http("GET", "/sessions", { userId: "bob" })).status).toBe(200);
});

test.each([{}, { token_id: "a", user_id: "b" }, { token_id: "" }, { user_id: "a\u0000b" }, { token_id: 7 }])(
  "the revocation %j is refused",
  async (target) => {
    const { server } = await start();

    expect((await revoke(server, target)).body).toMatchObject({ status: 400, code: "invalid_message" });
  },
);

test("a token whose jti no revocation could name is not taken", async () => {
  const { server } = await start();
  const tokens = await Promise.all(["", "x".repeat(501), "a\u0000b"].map((jti) => server.token("alice", { jti })));

  const answers = await Promise.all(tokens.map((token) => bearer(server, token, "GET", "/sessions")));

  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
});

test("the token of local mode cannot be revoked, and the answer says how it is replaced", async () => {
  const server = await serverForTest({ env: { PAYGENT_AUTH_SECRET: "" } });

  const { status, body } = await bearer(server, server.accessToken ?? "", "POST", "/revocations", { user_id: "local" });

  expect([status, body.code]).toEqual([409, "conflict"]);
  expect(body.detail).toContain("delete the file access-token");
  expect((await bearer(server, server.accessToken ?? "", "GET", "/sessions")).status).toBe(200);
});

test.skipIf(!isShared)(
  "a revocation waits for a command that has looked for revocations and is not committed yet",
  async () => {
    const { database, ...server } = await serverForTest();
    const { id } = await server.createSession();
    const store = await openStore({ url: database.env.DATABASE_URL ?? "" });
    onTestFinished(() => store.close());
    const looked = Promise.withResolvers<void>();
    const mayCommit = Promise.withResolvers<void>();
    const caller = { userId: "alice", scopes: new Set(["execute"] as const), token: { id: "mine" } };
    const parts = { store, clock: manualClock(), bus: localBus() };
    const done: string[] = [];
    const committed = commitCommand(parts, { sessionId: id, caller }, async () => {
      looked.resolve();
      await mayCommit.promise;
    }).then(() => done.push("command"));
    await looked.promise;

    const revoked = revoke(server, { token_id: "mine" }).then(() => done.push("revocation"));
    await expect.poll(() => read(database, locksAwaited)).toBe(1);
    mayCommit.resolve();
    await Promise.all([committed, revoked]);

    expect(done).toEqual(["command", "revocation"]);
  },
);

test.skipIf(!isShared)(
  "from when a revocation is answered no other node decides anything for the token, and its sockets there are closed",
  async () => {
    const clock = manualClock();
    const [one, other] = await twoNodes({ clock, model: callingModel() });
    const { id } = await one.createSession();
    const asker = await one.connect(id);
    const execution = execute(asker, buy);
    const { data: request } = await asker.first("approval_required", execution);
    const revoked = await Promise.all(
      Array.from({ length: 20 }, () => connectWith(other, id, { sub: "alice", jti: "stolen" })),
    );
    const [first] = revoked;
    const lasting = await other.connect(id);
    const stolen = await other.token("alice", { jti: "stolen" });
    const stream = await fetch(`${other.url}/api/v1/sessions/${id}/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${stolen}` },
    });

    await revoke(one, { token_id: "stolen" });
    const revokedAt = performance.now();
    first?.send({ type: "approve", data: { request_id: request.request_id }, id: "late" });
    const byHttp = await bearer(other, stolen, "POST", `/approvals/${request.request_id}/approve`, {});
    const closed = await Promise.all(revoked.map((socket) => socket.closed));
    await stream.text();

    expect(performance.now() - revokedAt).toBeLessThan(5000);
    expect(byHttp.status).toBe(401);
    expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([4401]));
    expect(await pendingOf(one)).toEqual([request.request_id]);
    lasting.send({ type: "ping", data: {}, id: "here" });
    expect(await lasting.answerTo("here")).toMatchObject({ type: "pong" });
  },
  30_000,
);
