import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedServer, sessionId } from "../../test/support/scripted-server.ts";
import type { ServerEvent } from "../protocol/events.ts";
import { type ClientOptions, createClient } from "./client.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";

const executionId = "0c1f6f0e-27a4-4d3a-8b80-5d2c5d6a7e01";
const requestId = "b1b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c02";
const toolId = "c2b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c03";

let server: ScriptedServer;
let connections: Connection[];

beforeEach(async () => {
  server = await ScriptedServer.start();
  connections = [];
});

afterEach(async () => {
  for (const connection of connections) connection.close();
  await server.close();
});

function connect(options: Partial<ClientOptions> & { lastSeq?: number } = {}): Connection {
  const { lastSeq, ...client } = options;
  const connection = createClient({
    url: server.url,
    token: "header.payload.signature",
    reconnect: { baseMs: 1, maxMs: 5 },
    ...client,
  }).connect(sessionId, lastSeq === undefined ? {} : { lastSeq });
  connections.push(connection);
  return connection;
}

function next<Type extends keyof ConnectionEvents>(
  connection: Connection,
  type: Type,
): Promise<ConnectionEvents[Type]> {
  return new Promise((resolve) => {
    const stop = connection.on(type, (value) => {
      stop();
      resolve(value);
    });
  });
}

function statusOf<State extends string>(connection: Connection, state: State): Promise<ConnectionEvents["status"]> {
  return new Promise((resolve) => connection.on("status", (status) => status.state === state && resolve(status)));
}

function seqs(connection: Connection): number[] {
  const seen: number[] = [];
  connection.on("event", ({ seq }) => seq !== undefined && seen.push(seq));
  return seen;
}

const thinking = { session_id: sessionId, execution_id: executionId, command: "pay", step: 1 };
const decided = { session_id: sessionId, execution_id: executionId, request_id: requestId, tool_id: toolId };
const complete = {
  session_id: sessionId,
  execution_id: executionId,
  result: { text: "Done." },
  success: true,
  total_cost: "0.10 USD",
  duration_ms: 5,
  tool_calls: [],
};

test("the token travels as a subprotocol and never in the URL", async () => {
  connect();

  const socket = await server.socket();

  expect(socket.protocols).toEqual(["paygent.v1", "paygent.bearer.header.payload.signature"]);
  expect(socket.url.search).toBe(`?session_id=${sessionId}`);
});

test("a token that no header can carry is refused without quoting it", async () => {
  const connection = connect({ token: "secret token" });

  const status = await statusOf(connection, "closed");

  expect(status).toMatchObject({ error: { code: "unauthenticated" } });
  expect(JSON.stringify(status)).not.toContain("secret");
});

test("after a cut the client resumes behind the last event that it saw", async () => {
  const connection = connect();
  const seen = seqs(connection);
  const first = await server.socket();
  first.connected({ last_seq: 4 });
  first.send("thinking", thinking, { seq: 5 });
  await next(connection, "thinking");
  first.socket.terminate();

  const second = await server.socket();
  second.connected({ last_seq: 7 });
  for (const seq of [5, 6, 7, 7]) second.send("thinking", thinking, { seq });
  second.send("complete", complete, { seq: 8 });
  await next(connection, "complete");

  expect(second.url.searchParams.get("last_seq")).toBe("5");
  expect(seen).toEqual([5, 6, 7, 8]);
});

test("a client that saw nothing yet resumes from where it was connected", async () => {
  const connection = connect();
  const first = await server.socket();
  first.connected({ last_seq: 4 });
  await next(connection, "connected");
  first.socket.terminate();

  const second = await server.socket();

  expect(second.url.searchParams.get("last_seq")).toBe("4");
});

test("an event of an unknown type is not shown but counts as seen", async () => {
  const connection = connect({ lastSeq: 0 });
  const seen = seqs(connection);
  const first = await server.socket();
  first.connected();
  first.send("from_the_future", { session_id: sessionId }, { seq: 1 });
  first.send("thinking", thinking, { seq: 2 });
  await next(connection, "thinking");

  expect(seen).toEqual([2]);
  expect(connection.lastSeq).toBe(2);
});

test("a gap is not shown: the client asks again from before it", async () => {
  const connection = connect({ lastSeq: 0 });
  const seen = seqs(connection);
  const first = await server.socket();
  first.connected();
  first.send("thinking", thinking, { seq: 1 });
  first.send("thinking", thinking, { seq: 3 });

  const second = await server.socket();
  second.connected();
  second.send("thinking", thinking, { seq: 2 });
  second.send("complete", complete, { seq: 3 });
  await next(connection, "complete");

  expect(second.url.searchParams.get("last_seq")).toBe("1");
  expect(seen).toEqual([1, 2, 3]);
});

test("resync is told, and what the server still keeps is shown after it", async () => {
  const connection = connect({ lastSeq: 900 });
  const resync = next(connection, "resync");
  const first = await server.socket();
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
  const connection = connect();
  const socket = await server.socket();
  socket.socket.close(code);

  expect(await statusOf(connection, "closed")).toMatchObject({ error: { code: error } });
  expect(server.unclaimed).toBe(0);
});

test.each([1000, 1001, 1006, 1013])("the client comes back after close code %i", async (code) => {
  connect();
  const first = await server.socket();
  if (code === 1006) first.socket.terminate();
  else first.socket.close(code);

  await expect(server.socket()).resolves.toBeDefined();
});

test("a refused token is asked for once more, and not for ever", async () => {
  let asked = 0;
  const connection = connect({
    token: () => {
      asked += 1;
      return `token-${asked}`;
    },
  });
  (await server.socket()).socket.close(4401);
  const second = await server.socket();
  second.socket.close(4401);

  expect(await statusOf(connection, "closed")).toMatchObject({ error: { code: "unauthenticated" } });
  expect(second.protocols).toContain("paygent.bearer.token-2");
  expect(asked).toBe(2);
});

test("a token function that fails is asked again later", async () => {
  let asked = 0;
  connect({
    token: async () => {
      asked += 1;
      if (asked === 1) throw new Error("the token service is away");
      return "token";
    },
  });

  await expect(server.socket()).resolves.toMatchObject({ protocols: ["paygent.v1", "paygent.bearer.token"] });
});

test("a silent server is pinged, and left when it does not answer", async () => {
  connect({ answerTimeoutMs: 20 });
  const first = await server.socket();
  first.connected({ heartbeat_ms: 5 });

  expect(await first.message()).toMatchObject({ type: "ping" });
  await expect(server.socket()).resolves.toBeDefined();
});

test("an answered ping keeps the connection", async () => {
  connect({ answerTimeoutMs: 2000 });
  const first = await server.socket();
  first.connected({ heartbeat_ms: 5 });
  for (let count = 0; count < 3; count += 1) {
    expect(await first.message()).toMatchObject({ type: "ping" });
    first.send("pong", { session_id: sessionId });
  }

  expect(server.unclaimed).toBe(0);
});

test("a command that was cut off is sent again as the same execution and still ends", async () => {
  const connection = connect();
  const execution = connection.execute("pay 0.10 USDC to market-data");
  const first = await server.socket();
  first.connected();
  const sent = await first.message();
  first.socket.terminate();

  const second = await server.socket();
  second.connected();
  const again = await second.message();
  const started = { session_id: sessionId, execution_id: execution.id, command: "pay", budget_limit_usd: null };
  second.send("execution_started", { ...started, queued: false, by: "alice" }, { seq: 1, ref: again.id ?? "" });
  second.send("complete", { ...complete, execution_id: execution.id }, { seq: 2 });

  expect(again).toEqual(sent);
  expect(sent.data).toEqual({ command: "pay 0.10 USDC to market-data", execution_id: execution.id });
  expect(await execution.accepted).toMatchObject({ type: "execution_started" });
  expect(await execution.result).toMatchObject({ type: "complete", seq: 2 });
});

test("a command given while the server is away waits for it", async () => {
  const connection = connect();
  const first = await server.socket();
  first.connected();
  await next(connection, "connected");
  first.socket.terminate();
  await statusOf(connection, "reconnecting");
  void connection.approve(requestId, { reason: "fine" });

  const second = await server.socket();
  second.connected();

  expect(await second.message()).toMatchObject({ type: "approve", data: { request_id: requestId, reason: "fine" } });
});

test("the end of an execution that ended long ago is looked up in the log", async () => {
  const entry = { timestamp: "2026-11-23T12:00:00.000Z", hash: "ab" };
  server.answer(
    `GET /logs/${executionId}`,
    { body: { data: [{ ...entry, type: "thinking", data: thinking, seq: 1 }], next_cursor: "1" } },
    { body: { data: [{ ...entry, type: "complete", data: complete, seq: 2 }], next_cursor: null } },
  );
  const execution = connect().execute("pay", { execution_id: executionId });
  const socket = await server.socket();
  socket.connected({ last_seq: 2 });
  const { id = "" } = await socket.message();
  const started = { session_id: sessionId, execution_id: executionId, duplicate: true, status: "completed" };
  socket.send("execution_started", started, { ref: id });

  expect(await execution.result).toMatchObject({ type: "complete", seq: 2 });
});

test("a refused command rejects with the server's code", async () => {
  const connection = connect();
  const execution = connection.execute("pay");
  const socket = await server.socket();
  socket.connected();
  const { id = "" } = await socket.message();
  socket.send("error", { code: "session_busy", message: "The session is busy." }, { ref: id });

  await expect(execution.accepted).rejects.toMatchObject({ code: "session_busy", message: "The session is busy." });
  await expect(execution.result).rejects.toMatchObject({ code: "session_busy" });
});

test.each([
  ["the same user and decision", { decision: "approved", decided_by: "alice" }, "resolves"],
  ["another decision", { decision: "rejected", decided_by: "alice" }, "rejects"],
  ["another user", { decision: "approved", decided_by: "bob" }, "rejects"],
])("already_decided by %s: the approval %s", async (_case, details, outcome) => {
  const connection = connect();
  const answer = connection.approve(requestId).then(
    () => "resolves",
    (error) => (error.code === "already_decided" ? "rejects" : error),
  );
  const socket = await server.socket();
  socket.connected();
  const { id = "" } = await socket.message();
  socket.send("error", { code: "already_decided", message: "Decided before.", details }, { ref: id });

  expect(await answer).toBe(outcome);
});

test("the second answer to a repeated command is nobody's news", async () => {
  const connection = connect();
  const errors: ServerEvent[] = [];
  connection.on("error", (event) => errors.push(event));
  const answer = connection.approve(requestId);
  const first = await server.socket();
  first.connected();
  const { id = "" } = await first.message();
  first.socket.terminate();

  const second = await server.socket();
  second.connected();
  second.send("approved", { ...decided, decision: "approved", decided_by: "alice" }, { seq: 1, ref: id });
  second.send("error", { code: "already_decided", message: "Decided before." }, { ref: id });
  second.send("complete", complete, { seq: 2 });
  await next(connection, "complete");

  expect(await answer).toMatchObject({ type: "approved" });
  expect(errors).toEqual([]);
});

test("cancel resolves with the cancelled event, whoever caused it", async () => {
  const connection = connect();
  const answer = connection.cancel(executionId);
  const socket = await server.socket();
  socket.connected();
  await socket.message();
  const cancelled = { session_id: sessionId, execution_id: executionId, message: "Cancelled.", by: "bob" };
  socket.send("cancelled", { ...cancelled, in_flight: [], released_usd: "0.10" }, { seq: 1 });

  expect(await answer).toMatchObject({ type: "cancelled", data: { by: "bob" } });
});

test("a listener that throws harms no other listener and no later event", async () => {
  const thrown: unknown[] = [];
  const connection = connect({ onListenerError: (error) => thrown.push(error) });
  connection.on("thinking", () => {
    throw new Error("a broken listener");
  });
  const seen = seqs(connection);
  const socket = await server.socket();
  socket.connected();
  socket.send("thinking", thinking, { seq: 1 });
  socket.send("complete", complete, { seq: 2 });
  await next(connection, "complete");

  expect(seen).toEqual([1, 2]);
  expect(thrown).toHaveLength(1);
});

test("iterating gives the events in order and ends with close", async () => {
  const connection = connect();
  const events = connection.events();
  const socket = await server.socket();
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
  const events = connect().events();
  (await server.socket()).socket.close(4404);

  await expect(events.next()).rejects.toMatchObject({ code: "not_found" });
});

test("closing leaves no command and no execution waiting", async () => {
  const connection = connect();
  const execution = connection.execute("pay");
  const approval = connection.approve(requestId);
  connection.close();

  await expect(execution.result).rejects.toMatchObject({ code: "unavailable" });
  await expect(approval).rejects.toMatchObject({ code: "unavailable" });
  await expect(connection.cancel(executionId)).rejects.toMatchObject({ code: "unavailable" });
});

test("a command over 64 KiB is refused before it is sent", async () => {
  const connection = connect();

  await expect(connection.edit(requestId, { note: "x".repeat(70_000) })).rejects.toMatchObject({
    code: "message_too_large",
  });
});
