import { newId } from "../src/protocol/new-id.ts";
import type { WireClient } from "./wire-client.ts";

/** When a run's steps were seen, in milliseconds. */
export interface RunTimes {
  /** From `execute` to the first event. */
  readonly firstEventMs: number;
  /** From `approve` to the result of the call that it allowed. */
  readonly resumeMs: number;
}

/** Starts an execution on a socket and gives the id of the request that it waits for. */
export function park(client: WireClient): Promise<{ requestId: string; firstEventMs: number }> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    let firstEventMs: number | undefined;
    listen(client, reject, (type, payload) => {
      firstEventMs ??= performance.now() - sentAt;
      if (type === "approval_required") resolve({ requestId: field(payload, "request_id"), firstEventMs });
    });
    client.send({ type: "execute", data: { command: "noop", execution_id: newId() } });
  });
}

/** Approves a request and waits for the end of its execution. */
export function approve(client: WireClient, requestId: string): Promise<{ resumeMs: number }> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    let resumeMs = 0;
    listen(client, reject, (type) => {
      if (type === "tool_result") resumeMs = performance.now() - sentAt;
      if (type === "complete") resolve({ resumeMs });
    });
    client.send({ type: "approve", data: { request_id: requestId } });
  });
}

/** One whole run that pays: execute, payment, complete. */
export function payOnce(client: WireClient): Promise<void> {
  return new Promise((resolve, reject) => {
    listen(client, reject, (type, payload) => {
      if (type !== "complete") return;
      if (payload.includes('"success":true')) resolve();
      else reject(new Error(`A paid run ended with ${payload.toString()}`));
    });
    client.send({ type: "execute", data: { command: "buy market-data", execution_id: newId() } });
  });
}

/** One whole run: execute, tool_call, approval_required, approve, tool_result, complete. */
export async function playRun(client: WireClient): Promise<RunTimes> {
  const { requestId, firstEventMs } = await park(client);
  const { resumeMs } = await approve(client, requestId);
  return { firstEventMs, resumeMs };
}

/** Plays one run after another on every client, side by side, for so long; those under way are finished. */
export async function playFor(clients: readonly WireClient[], ms: number): Promise<{ runs: number; tookMs: number }> {
  const from = performance.now();
  let runs = 0;
  const play = async (client: WireClient) => {
    while (performance.now() - from < ms) {
      await playRun(client);
      runs += 1;
    }
  };
  await Promise.all(clients.map(play));
  return { runs, tookMs: performance.now() - from };
}

const typeAt = '{"type":"'.length;

/** The type of a frame; both servers write it first. */
export function typeOf(payload: Buffer): string {
  return payload.toString("latin1", typeAt, payload.indexOf('"', typeAt));
}

function listen(client: WireClient, reject: (error: Error) => void, onEvent: (type: string, payload: Buffer) => void) {
  client.onClose = () => reject(new Error("The server closed the socket."));
  client.onText = (payload) => {
    const type = typeOf(payload);
    if (type === "error") reject(new Error(`The server answered ${payload.toString()}`));
    else onEvent(type, payload);
  };
}

/** A UUID in a frame, by the name of its field. */
function field(payload: Buffer, name: string): string {
  const key = `"${name}":"`;
  const at = payload.indexOf(key) + key.length;
  return payload.toString("latin1", at, at + 36);
}
