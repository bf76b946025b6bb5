import { expect, test } from "vitest";
import { complete, next, scriptedConnections, statusOf, thinking } from "../../test/support/scripted-connections.ts";
import { sessionId } from "../../test/support/scripted-server.ts";
import type { Connection } from "./connection.ts";

const scripted = scriptedConnections();

function seqs(connection: Connection): number[] {
  const seen: number[] = [];
  connection.on("event", ({ seq }) => seq !== undefined && seen.push(seq));
  return seen;
}

test("the token travels as a subprotocol and never in the URL", async () => {
  scripted.connect();

  const socket = await scripted.server.socket();

  expect(socket.protocols).toEqual(["paygent.v1", "paygent.bearer.header.payload.signature"]);
  expect(socket.url.search).toBe(`?session_id=${sessionId}`);
});

test("a token that no header can carry is refused without quoting it", async () => {
  const connection = scripted.connect({ token: "secret token" });

  const status = await statusOf(connection, "closed");

  expect(status).toMatchObject({ error: { code: "unauthenticated" } });
  expect(JSON.stringify(status)).not.toContain("secret");
});

test("after a cut the client resumes behind the last event that it saw", async () => {
  const connection = scripted.connect();
  const seen = seqs(connection);
  const first = await scripted.server.socket();
  first.connected({ last_seq: 4 });
  first.send("thinking", thinking, { seq: 5 });
  await next(connection, "thinking");
  first.socket.terminate();

  const second = await scripted.server.socket();
  second.connected({ last_seq: 7 });
  for (const seq of [5, 6, 7, 7]) second.send("thinking", thinking, { seq });
  second.send("complete", complete, { seq: 8 });
  await next(connection, "complete");

  expect(second.url.searchParams.get("last_seq")).toBe("5");
  expect(seen).toEqual([5, 6, 7, 8]);
});

test("a client that saw nothing yet resumes from where it was connected", async () => {
  const connection = scripted.connect();
  const first = await scripted.server.socket();
  first.connected({ last_seq: 4 });
  await next(connection, "connected");
  first.socket.terminate();

  const second = await scripted.server.socket();

  expect(second.url.searchParams.get("last_seq")).toBe("4");
});

test("an event of an unknown type is not shown but counts as seen", async () => {
  const connection = scripted.connect({ lastSeq: 0 });
  const seen = seqs(connection);
  const first = await scripted.server.socket();
  first.connected();
  first.send("from_the_future", { session_id: sessionId }, { seq: 1 });
  first.send("thinking", thinking, { seq: 2 });
  await next(connection, "thinking");

  expect(seen).toEqual([2]);
  expect(connection.lastSeq).toBe(2);
});

test("a gap is not shown: the client asks again from before it", async () => {
  const connection = scripted.connect({ lastSeq: 0 });
  const seen = seqs(connection);
  const first = await scripted.server.socket();
  first.connected();
  first.send("thinking", thinking, { seq: 1 });
  first.send("thinking", thinking, { seq: 3 });

  const second = await scripted.server.socket();
  second.connected();
  second.send("thinking", thinking, { seq: 2 });
  second.send("complete", complete, { seq: 3 });
  await next(connection, "complete");

  expect(second.url.searchParams.get("last_seq")).toBe("1");
  expect(seen).toEqual([1, 2, 3]);
});

test("resync is told, and what the server still keeps is shown after it", async () => {
  const connection = scripted.connect({ lastSeq: 900 });
  const resync = next(connection, "resync");
  const first = await scripted.server.socket();
  first.connected({ last_seq: 40 });

  first.send("resync", { session_id: sessionId, first_seq: 11, last_seq: 40 });

  expect((await resync).data).toMatchObject({ first_seq: 11 });
  expect(connection.lastSeq).toBe(10);
});

test.each([
  [1008, "rate_limited"],
  [4400, "invalid_message"],
  [4401, "unauthenticated"],
  [4403, "forbidden"],
  [4404, "not_found"],
  [4409, "conflict"],
])("close code %i ends the connection with %s", async (code, error) => {
  const connection = scripted.connect();
  const socket = await scripted.server.socket();
  socket.socket.close(code);

  expect(await statusOf(connection, "closed")).toMatchObject({ error: { code: error } });
  expect(scripted.server.unclaimed).toBe(0);
});

test.each([1000, 1001, 1006, 1013])("the client comes back after close code %i", async (code) => {
  scripted.connect();
  const first = await scripted.server.socket();
  if (code === 1006) first.socket.terminate();
  else first.socket.close(code);

  await expect(scripted.server.socket()).resolves.toBeDefined();
});

test("a refused token is asked for once more, and not for ever", async () => {
  let asked = 0;
  const connection = scripted.connect({
    token: () => {
      asked += 1;
      return `token-${asked}`;
    },
  });
  (await scripted.server.socket()).socket.close(4401);
  const second = await scripted.server.socket();
  second.socket.close(4401);

  expect(await statusOf(connection, "closed")).toMatchObject({ error: { code: "unauthenticated" } });
  expect(second.protocols).toContain("paygent.bearer.token-2");
  expect(asked).toBe(2);
});

test("a token function that fails is asked again later", async () => {
  let asked = 0;
  scripted.connect({
    token: async () => {
      asked += 1;
      if (asked === 1) throw new Error("the token service is away");
      return "token";
    },
  });

  await expect(scripted.server.socket()).resolves.toMatchObject({ protocols: ["paygent.v1", "paygent.bearer.token"] });
});

test("a silent server is pinged, and left when it does not answer", async () => {
  scripted.connect({ answerTimeoutMs: 20 });
  const first = await scripted.server.socket();
  first.connected({ heartbeat_ms: 5 });

  expect(await first.message()).toMatchObject({ type: "ping" });
  await expect(scripted.server.socket()).resolves.toBeDefined();
});

test("an answered ping keeps the connection", async () => {
  scripted.connect({ answerTimeoutMs: 2000 });
  const first = await scripted.server.socket();
  first.connected({ heartbeat_ms: 5 });
  for (let count = 0; count < 3; count += 1) {
    expect(await first.message()).toMatchObject({ type: "ping" });
    first.send("pong", { session_id: sessionId });
  }

  expect(scripted.server.unclaimed).toBe(0);
});

test("a listener that throws harms no other listener and no later event", async () => {
  const thrown: unknown[] = [];
  const connection = scripted.connect({ onListenerError: (error) => thrown.push(error) });
  connection.on("thinking", () => {
    throw new Error("a broken listener");
  });
  const seen = seqs(connection);
  const socket = await scripted.server.socket();
  socket.connected();
  socket.send("thinking", thinking, { seq: 1 });
  socket.send("complete", complete, { seq: 2 });
  await next(connection, "complete");

  expect(seen).toEqual([1, 2]);
  expect(thrown).toHaveLength(1);
});

test("iterating gives the events in order and ends with close", async () => {
  const connection = scripted.connect();
  const events = connection.events();
  const socket = await scripted.server.socket();
  socket.connected();
  socket.send("thinking", thinking, { seq: 1 });
  socket.send("complete", complete, { seq: 2 });

  const types: string[] = [];
  for await (const event of events) {
    types.push(event.type);
    if (event.type === "complete") connection.close();
  }

  expect(types).toEqual(["connected", "thinking", "complete"]);
});

test("iterating throws what refused the connection", async () => {
  const events = scripted.connect().events();
  (await scripted.server.socket()).socket.close(4404);

  await expect(events.next()).rejects.toMatchObject({ code: "not_found" });
});
