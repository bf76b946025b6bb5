import { afterAll, beforeAll, expect, test } from "vitest";
import { dumping, durableFrames } from "./support/dump.ts";
import { type ManualClock, manualClock } from "./support/manual-clock.ts";
import { opcodes, RawSocket } from "./support/raw-socket.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let clock: ManualClock;

beforeAll(async () => {
  clock = manualClock();
  server = await startTestServer({ clock, ...dumping() });
});

afterAll(() => server.remove());

test("a socket that reads nothing for long is let go with 1013, delays nobody, and gets all it missed when it is back", {
  timeout: 60_000,
}, async () => {
  const { id } = await server.createSession();
  const stalled = await RawSocket.open(server, id);
  stalled.socket.pause();
  const reader = await server.connect(id);
  const witness = await RawSocket.open(server, (await server.createSession()).id);

  const execution = execute(reader, "dump");
  await reader.end(execution);
  clock.advance(26_000);
  // Sockets are looked after in the order in which they came, so the stalled one's turn is over.
  await witness.frame(({ opcode }) => opcode === opcodes.ping);
  stalled.socket.resume();

  expect(await stalled.closeCode()).toBe(1013);
  const seen = durableFrames(stalled.frames.map(({ payload }) => payload.toString()));
  const expected = durableFrames(reader.frames);
  expect(seen.length).toBeLessThan(expected.length);
  expect(seen).toEqual(expected.slice(0, seen.length));
  const back = await server.connect(id, { lastSeq: seen.length });
  await back.end(execution);
  expect(durableFrames(back.frames)).toEqual(expected.slice(seen.length));
  stalled.destroy();
  witness.destroy();
});

test("a reader of a long log that takes its time is waited for, and may speak meanwhile", {
  timeout: 60_000,
}, async () => {
  const { id } = await server.createSession();
  const first = await server.connect(id);
  const execution = execute(first, "dump");
  await first.end(execution);
  const slow = await RawSocket.open(server, id, { query: "&last_seq=0" });
  slow.socket.pause();

  const next = execute(first, "say little");
  await first.end(next);
  slow.text({ type: "ping", data: {}, id: "meanwhile" });
  slow.socket.resume();

  await slow.frame(({ payload }) => payload.includes('"type":"complete"') && payload.includes(next));
  const texts = slow.frames.map(({ payload }) => payload.toString());
  expect(durableFrames(texts)).toEqual(durableFrames(first.frames));
  expect(texts.some((text) => text.includes('"ref":"meanwhile"'))).toBe(true);
  slow.destroy();
});
