import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHead, upgradeRequest } from "./support/raw-http.ts";
import { parseFrames } from "./support/raw-socket.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { seededRandom } from "./support/seeded-random.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

const sessions = 100;
const atOnce = 10;
const executionsOfEach = 3;
let server: TestServer;
let cuts = 0;

beforeAll(async () => {
  const model = scriptedModel(async (request, { onText }) => {
    onText("a piece of text ");
    const calls = request.messages.filter(({ role }) => role === "tool").length;
    return calls < 3 ? { text: `Step ${calls}.`, calls: [{ name: "check_balance", args: {} }] } : { text: "Done." };
  });
  server = await startTestServer({ model, messagesPerSecond: 1000 });
});

afterAll(() => server.remove());

interface Event {
  readonly type: string;
  readonly seq?: number;
  readonly text: string;
}

/** Watches a session after `lastSeq` and is cut off after so many bytes; what came as a whole by then. */
async function watchBytes(sessionId: string, lastSeq: number, bytes: number, ends: number): Promise<Event[]> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  const Authorization = `Bearer ${await server.token()}`;
  socket.write(upgradeRequest(`/api/v1/ws?session_id=${sessionId}&last_seq=${lastSeq}`, { Authorization }));
  let { rest } = await readHead(socket);
  const seen = () =>
    parseFrames(rest.subarray(0, bytes)).frames.map(({ payload }): Event => {
      const text = payload.toString();
      return { ...JSON.parse(text), text };
    });
  const hasEnded = () => seen().filter(({ type }) => type === "complete").length >= ends;
  const enough = Promise.withResolvers<void>();
  const take = (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (rest.length >= bytes || hasEnded()) enough.resolve();
  };
  socket.on("data", take).on("close", enough.resolve);
  take(Buffer.alloc(0));
  await enough.promise;
  socket.resetAndDestroy();
  return seen();
}

/** Everything durable that a client sees which is cut off again and again and goes on behind what it saw last. */
async function watchWithCuts(sessionId: string, random: (limit: number) => number): Promise<Event[]> {
  const events: Event[] = [];
  for (;;) {
    const ended = events.filter(({ type }) => type === "complete").length;
    if (ended === executionsOfEach) return events;
    const lastSeq = events.at(-1)?.seq ?? 0;
    const batch = await watchBytes(sessionId, lastSeq, 400 + random(3000), executionsOfEach - ended);
    expect(batch[0]?.type ?? "connected").toBe("connected");
    events.push(...batch.filter(({ seq }) => seq !== undefined));
    cuts += 1;
  }
}

async function runSession(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const { id } = await server.createSession();
  const watched = watchWithCuts(id, random);
  for (let i = 0; i < executionsOfEach; i++) {
    await server.http("POST", `/sessions/${id}/executions`, {
      body: { command: `Command ${i}.`, execution_id: randomUUID() },
    });
  }
  const events = await watched;

  const response = await fetch(`${server.url}/api/v1/sessions/${id}/events?limit=500`, {
    headers: { authorization: `Bearer ${await server.token()}` },
  });
  const log = await response.text();
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(log.startsWith(`{"data":[${events.map(({ text }) => text).join(",")}]`)).toBe(true);
}

test("a client that is cut off at any byte sees each event once and in order, and no other", {
  timeout: 60_000,
}, async () => {
  const seed = 20_261_123;

  for (let first = 0; first < sessions; first += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, i) => runSession(seed + first + i)));
  }

  expect(cuts).toBeGreaterThan(500);
});
