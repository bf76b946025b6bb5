import { afterAll, beforeAll, expect, test } from "vitest";
import { knock } from "./support/knock.ts";
import { rawRequest, upgradeRequest } from "./support/raw-http.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

const limit = 5;
/** The client may know that a connection is gone before the server does. */
const patience = { timeout: 10_000 };
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ env: { PAYGENT_SOCKETS_PER_USER: String(limit) } });
});

afterAll(() => server.remove());

/** Knocks and leaves again. */
async function tryDoor(sessionId: string, options: { userId?: string; from?: string } = {}) {
  const answer = await knock(server, sessionId, options);
  answer.socket.destroy();
  return answer;
}

test("one socket too many of a user is 429, and there is room again when one of them closes", async () => {
  const { id } = await server.createSession();
  const { id: bobs } = await server.createSession({}, "bob");
  const clients = await Promise.all(Array.from({ length: limit }, () => server.connect(id)));

  const refused = await tryDoor(id);
  const other = await tryDoor(bobs, { userId: "bob" });
  await clients[0]?.close();

  expect(refused.status).toBe(429);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(other.status).toBe(101);
  await expect.poll(async () => (await tryDoor(id)).status, patience).toBe(101);
});

test("sockets that were refused take up no room", async () => {
  const { id: bobs } = await server.createSession({}, "bob");
  const { id } = await server.createSession({}, "carol");
  const Authorization = `Bearer ${await server.token("carol")}`;

  for (let i = 0; i < limit * 3; i++) {
    await tryDoor(bobs, { userId: "carol" });
    const malformed = upgradeRequest(`/api/v1/ws?session_id=${id}`, { Authorization, "Sec-WebSocket-Key": "short" });
    expect((await rawRequest(server.port, malformed)).status).toBe(400);
  }

  await expect.poll(async () => (await tryDoor(id, { userId: "carol" })).status, patience).toBe(101);
});

test("an event stream takes a place like a socket", async () => {
  const { id } = await server.createSession({}, "dave");
  const headers = { authorization: `Bearer ${await server.token("dave")}`, accept: "text/event-stream" };
  const leaving = new AbortController();
  const follow = () => fetch(`${server.url}/api/v1/sessions/${id}/events`, { headers, signal: leaving.signal });
  for (let i = 0; i < limit; i++) expect((await follow()).status).toBe(200);

  const stream = await follow();
  const socket = await tryDoor(id, { userId: "dave" });
  leaving.abort();

  expect(stream.status).toBe(429);
  expect(Number(stream.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(socket.status).toBe(429);
  await expect.poll(async () => (await tryDoor(id, { userId: "dave" })).status, patience).toBe(101);
});

test("one socket too many of an address is 429, whoever's it is, and another address is let in", async () => {
  const env = { PAYGENT_SOCKETS_PER_ADDRESS: "2" };
  const crowded = await startTestServer({ env });
  const users = ["alice", "bob", "carol"];
  const ids = await Promise.all(users.map(async (userId) => (await crowded.createSession({}, userId)).id));
  const [alices = "", bobs = "", carols = ""] = ids;

  const first = await knock(crowded, alices, { userId: "alice", from: "127.0.0.2" });
  const second = await knock(crowded, bobs, { userId: "bob", from: "127.0.0.2" });
  const refused = await knock(crowded, carols, { userId: "carol", from: "127.0.0.2" });
  const elsewhere = await knock(crowded, carols, { userId: "carol", from: "127.0.0.3" });

  expect([first, second, refused, elsewhere].map(({ status }) => status)).toEqual([101, 101, 429, 101]);
  for (const { socket } of [first, second, refused, elsewhere]) socket.destroy();
  await crowded.remove();
});
