import { expect, test } from "vitest";
import {
  complete,
  decided,
  executionId,
  next,
  requestId,
  scriptedConnections,
  statusOf,
  thinking,
} from "../../test/support/scripted-connections.ts";
import { sessionId } from "../../test/support/scripted-server.ts";
import type { ServerEvent } from "../protocol/events.ts";

const scripted = scriptedConnections();

test("a command that was cut off is sent again as the same execution and still ends", async () => {
  const connection = scripted.connect();
  const execution = connection.execute("pay 0.10 USDC to market-data");
  const first = await scripted.server.socket();
  first.connected();
  const sent = await first.message();
  first.socket.terminate();

  const second = await scripted.server.socket();
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
  const connection = scripted.connect();
  const first = await scripted.server.socket();
  first.connected();
  await next(connection, "connected");
  first.socket.terminate();
  await statusOf(connection, "reconnecting");
  void connection.approve(requestId, { reason: "fine" });

  const second = await scripted.server.socket();
  second.connected();

  expect(await second.message()).toMatchObject({ type: "approve", data: { request_id: requestId, reason: "fine" } });
});

test("the end of an execution that ended long ago is looked up in the log", async () => {
  const entry = { timestamp: "2026-11-23T12:00:00.000Z", hash: "ab" };
  scripted.server.answer(
    `GET /logs/${executionId}`,
    { body: { data: [{ ...entry, type: "thinking", data: thinking, seq: 1 }], next_cursor: "1" } },
    { body: { data: [{ ...entry, type: "complete", data: complete, seq: 2 }], next_cursor: null } },
  );
  const execution = scripted.connect().execute("pay", { execution_id: executionId });
  const socket = await scripted.server.socket();
  socket.connected({ last_seq: 2 });
  const { id = "" } = await socket.message();
  const started = { session_id: sessionId, execution_id: executionId, duplicate: true, status: "completed" };
  socket.send("execution_started", started, { ref: id });

  expect(await execution.result).toMatchObject({ type: "complete", seq: 2 });
});

test("a refused command rejects with the server's code", async () => {
  const connection = scripted.connect();
  const execution = connection.execute("pay");
  const socket = await scripted.server.socket();
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
  const connection = scripted.connect();
  const answer = connection.approve(requestId).then(
    () => "resolves",
    (error) => (error.code === "already_decided" ? "rejects" : error),
  );
  const socket = await scripted.server.socket();
  socket.connected();
  const { id = "" } = await socket.message();
  socket.send("error", { code: "already_decided", message: "Decided before.", details }, { ref: id });

  expect(await answer).toBe(outcome);
});

test("the second answer to a repeated command is nobody's news", async () => {
  const connection = scripted.connect();
  const errors: ServerEvent[] = [];
  connection.on("error", (event) => errors.push(event));
  const answer = connection.approve(requestId);
  const first = await scripted.server.socket();
  first.connected();
  const { id = "" } = await first.message();
  first.socket.terminate();

  const second = await scripted.server.socket();
  second.connected();
  second.send("approved", { ...decided, decision: "approved", decided_by: "alice" }, { seq: 1, ref: id });
  second.send("error", { code: "already_decided", message: "Decided before." }, { ref: id });
  second.send("complete", complete, { seq: 2 });
  await next(connection, "complete");

  expect(await answer).toMatchObject({ type: "approved" });
  expect(errors).toEqual([]);
});

test("cancel resolves with the cancelled event, whoever caused it", async () => {
  const connection = scripted.connect();
  const answer = connection.cancel(executionId);
  const socket = await scripted.server.socket();
  socket.connected();
  await socket.message();
  const cancelled = { session_id: sessionId, execution_id: executionId, message: "Cancelled.", by: "bob" };
  socket.send("cancelled", { ...cancelled, in_flight: [], released_usd: "0.10" }, { seq: 1 });

  expect(await answer).toMatchObject({ type: "cancelled", data: { by: "bob" } });
});

test("closing leaves no command and no execution waiting", async () => {
  const connection = scripted.connect();
  const execution = connection.execute("pay");
  const approval = connection.approve(requestId);
  connection.close();

  await expect(execution.result).rejects.toMatchObject({ code: "unavailable" });
  await expect(approval).rejects.toMatchObject({ code: "unavailable" });
  await expect(connection.cancel(executionId)).rejects.toMatchObject({ code: "unavailable" });
});

test("a command over 64 KiB is refused before it is sent", async () => {
  const connection = scripted.connect();

  await expect(connection.edit(requestId, { note: "x".repeat(70_000) })).rejects.toMatchObject({
    code: "message_too_large",
  });
});
