import { afterAll, beforeAll, expect, test } from "vitest";
import { type ManualClock, manualClock } from "./support/manual-clock.ts";
import { opcodes, RawSocket } from "./support/raw-socket.ts";
import { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let clock: ManualClock;

beforeAll(async () => {
  clock = manualClock();
  server = await startTestServer({ clock });
});

afterAll(() => server.remove());

const tokenFor = (seconds: number) => server.token("alice", { exp: Math.floor(clock.now() / 1000) + seconds });
const socketUrl = (id: string) => `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}`;

test("sockets are closed with 4401 when their token expires, and only those", async () => {
  const { id } = await server.createSession();
  const token = await tokenFor(30);
  const expiring = Array.from({ length: 50 }, () => new TestClient(socketUrl(id), { token }));
  await Promise.all(expiring.map((client) => client.first("connected")));
  const lasting = await server.connect(id);

  clock.advance(31_000);
  const jumpedAt = performance.now();
  const closed = await Promise.all(expiring.map((client) => client.closed));

  expect(performance.now() - jumpedAt).toBeLessThan(5000);
  expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([4401]));
  lasting.send({ type: "ping", data: {}, id: "here" });
  expect(await lasting.answerTo("here")).toMatchObject({ type: "pong" });
});

test("nothing is decided by a token that has expired, not even before its socket is closed", async () => {
  const { id } = await server.createSession();
  const watcher = await server.connect(id);
  const execution = execute(watcher, "pay 25 USDC to premium-report");
  const { data } = await watcher.first("approval_required", execution);
  const client = new TestClient(socketUrl(id), { token: await tokenFor(30) });
  await client.first("connected");

  clock.advance(31_000);
  client.send({ type: "approve", data: { request_id: data.request_id }, id: "late" });

  expect((await client.closed).code).toBe(4401);
  expect(client.events.filter(({ ref }) => ref === "late")).toEqual([]);
  const { body } = await server.http("GET", "/approvals?status=pending");
  expect(body.data.map(({ request_id }: { request_id: string }) => request_id)).toContain(data.request_id);
});

test("a peer that ignores its close is hung up on, and what it still says counts for nothing", async () => {
  const { id } = await server.createSession();
  const watcher = await server.connect(id);
  const execution = execute(watcher, "pay 25 USDC to premium-report");
  const { data } = await watcher.first("approval_required", execution);
  const stubborn = await RawSocket.open(server, id);

  stubborn.send({ opcode: opcodes.binary, payload: "x" });
  expect(await stubborn.closeCode()).toBe(1003);
  stubborn.text({ type: "approve", data: { request_id: data.request_id } });
  await stubborn.gone();

  const { body } = await server.http("GET", "/approvals?status=pending");
  expect(body.data.map(({ request_id }: { request_id: string }) => request_id)).toContain(data.request_id);
});
