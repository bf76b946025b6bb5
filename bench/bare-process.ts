import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { deltasPerRead } from "./bench-model.ts";
import { serveBench } from "./child-protocol.ts";

/**
 * The baseline: the same messages over `ws`, from memory that is forgotten at once. It checks nothing,
 * stores nothing and decides nothing; what a server does beyond this is what its promises cost.
 */
const sessions = new Map<string, { seq: number; watchers: Set<WebSocket> }>();

const http = createServer((request, response) => {
  request.resume();
  response.writeHead(201, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: randomUUID() }));
});
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, clientTracking: false });

sockets.on("connection", (ws, request) => {
  const id = new URL(request.url ?? "/", "http://bare").searchParams.get("session_id") ?? "";
  const session = sessions.get(id) ?? { seq: 0, watchers: new Set() };
  sessions.set(id, session);
  session.watchers.add(ws);

  const tell = (type: string, data: object) => {
    session.seq += 1;
    const timestamp = new Date().toISOString();
    const text = JSON.stringify({ type, data: { session_id: id, ...data }, timestamp, seq: session.seq });
    for (const watcher of session.watchers) watcher.send(text);
  };
  ws.on("message", (bytes) => {
    const { type, data } = JSON.parse(bytes.toString());
    if (type === "execute") void execute(tell, data);
    else finish(tell, data.request_id);
  });
  ws.on("close", () => session.watchers.delete(ws));
  ws.send(JSON.stringify({ type: "connected", data: { session_id: id }, timestamp: new Date().toISOString() }));
});

type Tell = (type: string, data: object) => void;

async function execute(tell: Tell, { execution_id, command }: { execution_id: string; command: string }) {
  tell("execution_started", { execution_id, command, budget_limit_usd: null, queued: false, by: "local" });
  tell("thinking", { execution_id, command, step: 1 });
  const [word, count] = command.split(" ");
  if (word === "stream") {
    const message_id = randomUUID();
    for (let said = 0; said < Number(count); said++) {
      tell("text_delta", { execution_id, message_id, delta: " word" });
      if (said % deltasPerRead === deltasPerRead - 1) await setImmediate();
    }
    return tell("complete", { execution_id, result: { text: "Done." }, success: true });
  }
  const call = { execution_id, tool_id: execution_id, tool_name: "noop", tool_args: {} };
  tell("tool_call", { ...call, step: 1 });
  tell("approval_required", {
    ...call,
    request_id: execution_id,
    reason: "This session asks before every noop.",
    amount: "0.00",
    currency: "USD",
    expires_at: new Date().toISOString(),
    budget: { limit: "50.00", spent: "0.00", reserved: "0.00", remaining_after: "50.00" },
  });
}

function finish(tell: Tell, execution_id: string): void {
  const call = { execution_id, tool_id: execution_id, tool_name: "noop" };
  tell("approved", { ...call, request_id: execution_id, decision: "approved", decided_by: "local" });
  tell("tool_result", { ...call, result: { ok: true }, success: true, duration_ms: 0 });
  tell("thinking", { execution_id, command: "noop", step: 2 });
  tell("complete", { execution_id, result: { text: "Done." }, success: true, total_cost: "0.00 USD", tool_calls: [] });
}

http.listen(0, "127.0.0.1");
await once(http, "listening");
const { port } = http.address() as AddressInfo;
serveBench({ url: `http://127.0.0.1:${port}`, token: "none" }, async () => {
  http.close();
  http.closeAllConnections();
  sockets.close();
});
