import { expect, onTestFinished, test } from "vitest";
import { PaygentError } from "../src/protocol/errors.ts";
import type { ServerEvent } from "../src/protocol/events.ts";
import { ask } from "./support/ask.ts";
import { connectWith } from "./support/connect-with.ts";
import { testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buy = (service: string) => `pay_service {"service":"${service}"}`;

async function start() {
  const world = fakeWorld();
  const server = await serverForTest({ model: callingModel(), world });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const freeze = (body: object) => server.http("POST", "/freeze", { body });
  const lift = (query: string) => server.http("DELETE", `/freeze?${query}`);
  return { world, server, id, client, freeze, lift };
}

async function errorOf(client: TestClient, command: string) {
  const execution = execute(client, command);
  await client.end(execution);
  return dataOf(client, execution, "tool_result")[0]?.error;
}

/** Puts or lifts a freeze of everybody, with a token that may. */
async function asAdmin(server: TestServer, method: string, path: string, body?: object) {
  const token = await server.token("root", { scope: "admin" });
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return response.status;
}

const isFreeze = (event: ServerEvent) => event.type === "freeze";

test("a frozen session signs nothing and names the freeze; free calls go on; lifted, it pays again", async () => {
  const { world, client, id, freeze, lift } = await start();

  const put = await freeze({ scope: "session", session_id: id, reason: "Looks odd." });
  const refused = await errorOf(client, buy("market-data"));
  const free = await errorOf(client, "check_balance");
  const signedFrozen = world.signed.size;
  const lifted = await lift(`scope=session&session_id=${id}`);
  const paid = await errorOf(client, buy("market-data"));

  expect(put.body).toMatchObject({ scope: "session", session_id: id, by: "alice", reason: "Looks odd." });
  expect(refused).toMatchObject({ code: "policy_denied", details: { rule: "freeze", scope: "session" } });
  expect(refused?.message).toContain("Looks odd.");
  expect([free, signedFrozen, lifted.status, paid, world.signed.size]).toEqual([undefined, 0, 204, undefined, 1]);
});

test("a session's freeze stands in its log, once, and in what a new client is told", async () => {
  const { server, client, id, freeze, lift } = await start();

  await freeze({ scope: "session", session_id: id });
  const again = await freeze({ scope: "session", session_id: id, reason: "Another." });
  const late = await server.connect(id);
  const { frozen } = (await late.first("connected")).data;
  await lift(`scope=session&session_id=${id}`);
  await client.find((event) => isFreeze(event) && "frozen" in event.data && event.data.frozen === false);
  await lift(`scope=session&session_id=${id}`);
  const { body } = await server.http("GET", `/sessions/${id}/events`);

  expect(again.body.reason).toBe(undefined);
  expect(frozen).toMatchObject([{ scope: "session", by: "alice" }]);
  expect(body.data.map(({ type, data }: ServerEvent) => [type, "frozen" in data && data.frozen])).toEqual([
    ["freeze", true],
    ["freeze", false],
  ]);
});

test("a payment that was sent in vain before a freeze is not sent again after it", async () => {
  const { world, client, id, freeze } = await start();
  const tried = Promise.withResolvers<void>();
  let sends = 0;
  world.beforeSettle = async () => {
    sends += 1;
    tried.resolve();
    throw new PaygentError("tool_failed", "The service broke off.");
  };
  const execution = execute(client, buy("market-data"));
  await tried.promise;

  const { status } = await freeze({ scope: "session", session_id: id });
  await client.end(execution);

  expect([status, sends]).toEqual([200, 1]);
  expect(dataOf(client, execution, "tool_result")[0]?.error).toMatchObject({
    code: "policy_denied",
    details: { rule: "freeze" },
  });
});

test("an approval that waits cannot be given under a freeze, can be after it, and can always be rejected", async () => {
  const { world, client, id, freeze, lift } = await start();
  const execution = execute(client, buy("premium-report"));
  const { data: request } = await client.first("approval_required", execution);

  await freeze({ scope: "session", session_id: id });
  const frozen = await ask(client, "approve", { request_id: request.request_id });
  await lift(`scope=session&session_id=${id}`);
  const given = await ask(client, "approve", { request_id: request.request_id });
  await client.end(execution);

  expect(frozen).toMatchObject({ type: "error", data: { code: "policy_denied", details: { rule: "freeze" } } });
  expect(given.type).toBe("approved");
  expect(world.settled).toHaveLength(1);
});

test("a freeze of a user stops all sessions of that user, and nobody else's", async () => {
  const { server, client, freeze } = await start();
  const { id: other } = await server.createSession();
  const { id: foreign } = await server.createSession({}, "bob");
  const second = await server.connect(other);
  const bob = await server.connect(foreign, { userId: "bob" });

  await freeze({ scope: "user" });
  const errors = [
    await errorOf(client, buy("market-data")),
    await errorOf(second, buy("market-data")),
    await errorOf(bob, buy("market-data")),
  ];

  expect(errors.map((error) => error?.details?.scope)).toEqual(["user", "user", undefined]);
});

test("only an admin freezes everybody, and then nobody pays", async () => {
  const { world, server, freeze } = await start();
  const { id } = await server.createSession({}, "bob");
  const bob = await server.connect(id, { userId: "bob" });

  const refused = await freeze({ scope: "all" });
  const before = await errorOf(bob, buy("market-data"));
  const put = await asAdmin(server, "POST", "/freeze", { scope: "all", reason: "Drill." });
  const frozen = await errorOf(bob, buy("market-data"));
  const liftedByBob = await server.http("DELETE", "/freeze?scope=all", { userId: "bob" });
  const listed = await server.http("GET", "/freeze", { userId: "bob" });
  const lifted = await asAdmin(server, "DELETE", "/freeze?scope=all");
  const after = await errorOf(bob, buy("market-data"));

  expect([refused.status, put, liftedByBob.status, lifted]).toEqual([403, 200, 403, 204]);
  expect([before, after]).toEqual([undefined, undefined]);
  expect(frozen?.details).toEqual({ rule: "freeze", scope: "all" });
  expect(listed.body.data).toMatchObject([{ scope: "all", by: "root", reason: "Drill." }]);
  expect(world.signed.size).toBe(2);
});

test("a freeze of a user is told in the log where work is under way, and live elsewhere", async () => {
  const { server, client, freeze } = await start();
  const { id: idle } = await server.createSession();
  const watcher = await server.connect(idle);
  const execution = execute(client, buy("premium-report"));
  await client.first("approval_required", execution);

  await freeze({ scope: "user" });
  const working = await client.find(isFreeze);
  const live = await watcher.find(isFreeze);

  expect(working).toMatchObject({ seq: expect.any(Number), data: { scope: "user", frozen: true, by: "alice" } });
  expect([live.seq, live.data]).toMatchObject([undefined, { session_id: idle, scope: "user", frozen: true }]);
});

test("a payment that was signed but not sent when the freeze came is voided, and gives its money back", async () => {
  const world = fakeWorld();
  const { wallet } = world;
  let isFrozen = async (): Promise<void> => undefined;
  const sign: typeof wallet.sign = async (...given) => {
    const signed = await wallet.sign(...given);
    await isFrozen();
    return signed;
  };
  let sent = 0;
  const send: typeof wallet.send = (...given) => {
    sent += 1;
    return wallet.send(...given);
  };
  const server = await serverForTest({
    model: callingModel(),
    world: Object.assign(world, { wallet: { ...wallet, sign, send } }),
  });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  isFrozen = async () => {
    await server.http("POST", "/freeze", { body: { scope: "session", session_id: id } });
  };

  const execution = execute(client, buy("market-data"));
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([
    { success: false, error: { code: "policy_denied", details: { rule: "freeze" } } },
  ]);
  expect([sent, world.settled]).toEqual([0, []]);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
});

test("a payment that a server left unfinished is not sent again under a freeze, but voided", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.remove());
  const world = fakeWorld();
  const sending = Promise.withResolvers<void>();
  world.beforeSettle = () => {
    sending.resolve();
    return new Promise(() => undefined);
  };
  const first = await startTestServer({ model: callingModel(), world, database });
  const { id } = await first.createSession();
  const execution = execute(await first.connect(id), buy("market-data"));
  await sending.promise;
  await first.http("POST", "/freeze", { body: { scope: "session", session_id: id } });
  await first.remove();
  world.beforeSettle = async () => undefined;

  const second = await serverForTest({ model: callingModel(), world, database });
  const client = await second.connect(id, { lastSeq: 0 });
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([
    { success: false, error: { code: "policy_denied", details: { rule: "freeze" } } },
  ]);
  expect(world.settled).toEqual([]);
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
});

test("a payment that was sent before the freeze is settled", async () => {
  const { world, client, id, freeze } = await start();
  const sending = Promise.withResolvers<void>();
  const frozen = Promise.withResolvers<void>();
  world.beforeSettle = () => {
    sending.resolve();
    return frozen.promise;
  };

  const execution = execute(client, buy("market-data"));
  await sending.promise;
  await freeze({ scope: "session", session_id: id });
  frozen.resolve();
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ success: true, cost: { usd: "0.10" } }]);
});

test("a stranger can neither put nor lift a freeze of a session, and an approver can do both", async () => {
  const { server } = await start();
  const { id } = await server.createSession({ approvers: ["bob"] });
  const query = `/freeze?scope=session&session_id=${id}`;
  const body = { scope: "session", session_id: id };

  const strange = await server.http("POST", "/freeze", { body, userId: "mallory" });
  const put = await server.http("POST", "/freeze", { body, userId: "bob" });
  const strangeLift = await server.http("DELETE", query, { userId: "mallory" });
  const listed = await server.http("GET", "/freeze", { userId: "mallory" });
  const lift = await server.http("DELETE", query, { userId: "bob" });

  expect([strange.status, put.status, strangeLift.status, lift.status]).toEqual([404, 200, 404, 204]);
  expect(listed.body.data).toEqual([]);
});

test.each([
  [{ scope: "session" }],
  [{ scope: "user", session_id: "6a3b7a0c-0f4a-4b7f-9d4c-3b1b7a1f6d11" }],
  [{ scope: "world" }],
  [{}],
])("the freeze %j is refused", async (body) => {
  const { freeze } = await start();

  expect((await freeze(body)).body.code).toBe("invalid_message");
});

test("a token without the scope approve cannot freeze", async () => {
  const { server, id } = await start();
  const client = await connectWith(server, id, { sub: "alice", scope: "execute read" });
  const token = await server.token("alice", { scope: "execute read" });

  const response = await fetch(`${server.url}/api/v1/freeze`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ scope: "user" }),
  });
  await client.close();

  expect(response.status).toBe(403);
});
