import picocolors from "picocolors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { noDemo } from "../../test/support/no-demo.ts";
import { noWallet } from "../../test/support/no-wallet.ts";
import { ScriptedServer, type ScriptedSocket, sessionId } from "../../test/support/scripted-server.ts";
import { type CliParts, runCli } from "./program.ts";
import type { Terminal } from "./terminal.ts";

const requestId = "b1b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c02";
const toolId = "c2b9e3a5-2a52-4f0e-9d6a-0a4d9f3e2c03";

const parts: CliParts = {
  version: "1.2.3",
  wallet: noWallet,
  startServer: () => Promise.reject(new Error("not here")),
  checkModel: () => undefined,
  checkNetwork: async () => undefined,
  checkWallet: async () => undefined,
  ...noDemo,
  async *verifySessions() {},
  async *verifyFiles() {},
  archiveSettings: () => Promise.reject(new Error("Not asked for.")),
  async *archiveEvents() {},
};

let server: ScriptedServer;
let printed: string[];
let noted: string[];
let interrupt: () => void;

beforeEach(async () => {
  server = await ScriptedServer.start();
  printed = [];
  noted = [];
  server.answer("POST /sessions", { status: 201, body: { id: sessionId, last_seq: 0 } });
});

afterEach(() => server.close());

function run(...options: string[]): Promise<number> {
  const terminal: Terminal = {
    isInteractive: false,
    columns: 80,
    colors: picocolors.createColors(false),
    write: (text) => void printed.push(text),
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
    readInput: async () => "",
    onInterrupt: (listener) => {
      interrupt = listener;
      return () => undefined;
    },
    onStop: () => () => undefined,
  };
  return runCli(["run", "pay", "--url", server.url, "--token", "t", ...options], {}, parts, terminal);
}

/** Takes the command as the server does; returns what all of the execution's events carry. */
async function start(socket: ScriptedSocket): Promise<{ session_id: string; execution_id: unknown }> {
  socket.connected();
  const { id = "", data } = await socket.message();
  const base = { session_id: sessionId, execution_id: data.execution_id };
  const started = { ...base, command: data.command, budget_limit_usd: null, queued: false, by: "alice" };
  socket.send("execution_started", started, { seq: 1, ref: id });
  return base;
}

const ends = (success: boolean) => ({
  result: { text: "Said." },
  success,
  total_cost: "0.10 USD",
  duration_ms: 5,
  tool_calls: [],
});
const asks = (cost: string) => ({
  request_id: requestId,
  tool_id: toolId,
  tool_name: "pay_service",
  tool_args: { service: "news" },
  reason: "Above the threshold.",
  amount: cost,
  currency: "USDC",
  estimated_cost: cost,
  expires_at: "2026-11-23T13:00:00.000Z",
  budget: { limit: "50.00", spent: "0.00", reserved: cost, remaining_after: "25.00" },
});

test.each([
  [true, 0],
  [false, 1],
])("an execution whose success is %j ends with exit code %i, one JSON event a line", async (success, code) => {
  const running = run();
  const socket = await server.socket();
  const base = await start(socket);
  socket.send("complete", { ...base, ...ends(success) }, { seq: 2 });

  expect(await running).toBe(code);
  expect(printed.map((line) => JSON.parse(line).type)).toEqual(["execution_started", "complete"]);
});

test("events of other executions are not shown", async () => {
  const running = run();
  const socket = await server.socket();
  const base = await start(socket);
  socket.send("complete", { ...base, execution_id: toolId, ...ends(false) }, { seq: 2 });
  socket.send("complete", { ...base, ...ends(true) }, { seq: 3 });

  expect(await running).toBe(0);
  expect(printed).toHaveLength(2);
});

test("without a terminal an approval ends the command with 3 and leaves the execution waiting", async () => {
  const running = run();
  const socket = await server.socket();
  const base = await start(socket);
  socket.send("approval_required", { ...base, ...asks("25.00") }, { seq: 2 });

  expect(await running).toBe(3);
  expect(noted.join("\n")).toContain(`paygent approvals approve ${requestId}`);
});

test("--wait stays until somebody else has decided", async () => {
  const running = run("--wait");
  const socket = await server.socket();
  const base = await start(socket);
  socket.send("approval_required", { ...base, ...asks("25.00") }, { seq: 2 });
  socket.send("complete", { ...base, ...ends(true) }, { seq: 3 });

  expect(await running).toBe(0);
});

test("--approve-up-to approves what it covers", async () => {
  const running = run("--approve-up-to", "25");
  const socket = await server.socket();
  const base = await start(socket);
  socket.send("approval_required", { ...base, ...asks("25.00") }, { seq: 2 });
  const { id = "", type, data } = await socket.message();
  const approved = { ...base, request_id: requestId, tool_id: toolId, decision: "approved", decided_by: "alice" };
  socket.send("approved", approved, { seq: 3, ref: id });
  socket.send("complete", { ...base, ...ends(true) }, { seq: 4 });

  expect(await running).toBe(0);
  expect({ type, data }).toEqual({ type: "approve", data: { request_id: requestId } });
});

test("Ctrl-C cancels the execution", async () => {
  const running = run();
  const socket = await server.socket();
  const base = await start(socket);
  interrupt();
  const { type } = await socket.message();
  socket.send("cancelled", { ...base, message: "", by: "alice", in_flight: [], released_usd: "0.00" }, { seq: 2 });

  expect(type).toBe("cancel");
  expect(await running).toBe(130);
});

test("a second Ctrl-C leaves the execution as it is", async () => {
  const running = run();
  await start(await server.socket());
  interrupt();
  interrupt();

  expect(await running).toBe(130);
  expect(noted.at(-1)).toContain(`paygent watch ${sessionId}`);
});

test("a refused credential is exit code 5", async () => {
  const running = run();
  (await server.socket()).socket.close(4401);

  expect(await running).toBe(5);
});
