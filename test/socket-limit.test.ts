import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RawAnswer, readHead, upgradeRequest } from "./support/raw-http.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

const limit = 5;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ maxSocketsPerUser: limit });
});

afterAll(() => server.remove());

async function knock(sessionId: string, userId = "alice"): Promise<RawAnswer> {
  const Authorization = `Bearer ${await server.token(userId)}`;
  const socket = connect(server.port, "127.0.0.1");
  socket.write(upgradeRequest(`/api/v1/ws?session_id=${sessionId}`, { Authorization }));
  const { answer } = await readHead(socket);
  socket.destroy();
  return answer;
}

test("one socket too many of a user is 429, and there is room again when one of them closes", async () => {
  const { id } = await server.createSession();
  const { id: bobs } = await server.createSession({}, "bob");
  const clients = await Promise.all(Array.from({ length: limit }, () => server.connect(id)));

  const refused = await knock(id);
  const other = await knock(bobs, "bob");
  await clients[0]?.close();

  expect(refused.status).toBe(429);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(other.status).toBe(101);
  // The client may know that it is gone before the server does.
  await expect.poll(async () => (await knock(id)).status).toBe(101);
});

test("sockets that were refused take up no room", async () => {
  const { id: bobs } = await server.createSession({}, "bob");

  for (let i = 0; i < limit * 3; i++) await knock(bobs, "carol");

  const { id } = await server.createSession({}, "carol");
  expect((await knock(id, "carol")).status).toBe(101);
});
