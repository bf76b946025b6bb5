import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MemoryApi } from "../../../test/support/memory-api.ts";
import { CreateSession } from "../../protocol/request-bodies.ts";
import { eventStream } from "./event-stream.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const clock = { now: () => Date.now() };

async function openStream(expiresAt?: number) {
  const api = new MemoryApi();
  const identity = {
    userId: "alice",
    scopes: new Set(["read"] as const),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  const { id } = await api.createSession(identity, CreateSession.parse({}));
  const stream = await eventStream({ api, identity, sessionId: id, afterSeq: 0, clock });
  stream.setEncoding("utf8");
  // The first replay finds an empty log.
  await vi.advanceTimersByTimeAsync(0);
  return { api, id, stream };
}

test("the stream ends within five seconds of its credential's end", async () => {
  const { api, stream } = await openStream(Date.now() + 12_000);
  const ended = vi.fn();
  stream.on("end", ended).resume();

  await vi.advanceTimersByTimeAsync(11_000);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(6000);

  expect(ended).toHaveBeenCalledOnce();
  expect(api.listenerCount).toBe(0);
});

test("a stream whose token is revoked says nothing more, and is cut off when nobody reads its end", async () => {
  const { api, id, stream } = await openStream();

  for (const end of api.revocations) end();
  api.emit(id, '{"seq":SEQ}');
  await vi.advanceTimersByTimeAsync(1999);
  expect([stream.destroyed, stream.readableLength]).toEqual([false, ": connected\n\n".length]);
  await vi.advanceTimersByTimeAsync(1);

  expect(stream.destroyed).toBe(true);
  expect([api.listenerCount, api.revocations.size]).toEqual([0, 0]);
});

test("a token that is revoked amid the replay of a long log ends it there", async () => {
  const api = new MemoryApi();
  const identity = { userId: "alice", scopes: new Set(["read"] as const) };
  const { id } = await api.createSession(identity, CreateSession.parse({}));
  const readEvents = api.readEvents;
  let reads = 0;
  api.readEvents = async (...args) => {
    const slice = await readEvents(...args);
    if (++reads === 2) for (const end of api.revocations) end();
    return slice;
  };
  api.emit(id, '{"seq":SEQ}');
  let text = "";

  const stream = await eventStream({ api, identity, sessionId: id, afterSeq: 0, clock });
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await vi.advanceTimersByTimeAsync(2000);

  expect([text, stream.errored]).toEqual([": connected\n\n", null]);
});

test("a silent stream sends a comment every 25 seconds", async () => {
  const { stream } = await openStream();
  let text = "";
  stream.on("data", (chunk: string) => {
    text += chunk;
  });

  await vi.advanceTimersByTimeAsync(51_000);
  stream.destroy();

  expect(text).toBe(": connected\n\n: heartbeat\n\n: heartbeat\n\n");
});

test("a reader that takes nothing of a long log is cut off after fifteen seconds, and one that takes its time is not", async () => {
  const open = async () => {
    const api = new MemoryApi();
    const identity = { userId: "alice", scopes: new Set(["read"] as const) };
    const { id } = await api.createSession(identity, CreateSession.parse({}));
    for (let seq = 0; seq < 1000; seq++) api.emit(id, `{"seq":SEQ,"text":"${"x".repeat(1000)}"}`);
    return eventStream({ api, identity, sessionId: id, afterSeq: 0, clock });
  };
  const [deaf, slow] = [await open(), await open()];

  const reading = setInterval(() => slow.read(), 5000);
  await vi.advanceTimersByTimeAsync(14_000);
  expect([deaf.destroyed, slow.destroyed]).toEqual([false, false]);
  await vi.advanceTimersByTimeAsync(6000);
  clearInterval(reading);

  expect([deaf.destroyed, slow.destroyed]).toEqual([true, false]);
});

test("a reader that is too slow is cut off, and keeps nothing in memory", async () => {
  const { api, id, stream } = await openStream();
  const event = `{"type":"plan","data":"${"x".repeat(60_000)}","seq":SEQ}`;

  for (let i = 0; i < 20; i++) api.emit(id, event);

  expect(stream.destroyed).toBe(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(api.listenerCount).toBe(0);
});

test("a gap in what is heard live is filled from the log", async () => {
  const { api, id, stream } = await openStream();
  let text = "";
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  await vi.advanceTimersByTimeAsync(0);

  api.emit(id, '{"seq":SEQ}');
  api.emitUnheard(id, '{"seq":SEQ}');
  api.emit(id, '{"seq":SEQ}');
  await vi.advanceTimersByTimeAsync(0);
  stream.destroy();

  expect([...text.matchAll(/^id: (\d+)$/gm)].map((match) => match[1])).toEqual(["1", "2", "3"]);
});

test("an event that comes between the last look into the log and the end of the replay is not lost", async () => {
  const api = new MemoryApi();
  const identity = { userId: "alice", scopes: new Set(["read"] as const) };
  const { id } = await api.createSession(identity, CreateSession.parse({}));
  const readEvents = api.readEvents;
  let reads = 0;
  api.readEvents = async (...args) => {
    const slice = await readEvents(...args);
    if (++reads === 2) api.emit(id, '{"seq":SEQ}');
    return slice;
  };
  let text = "";

  const stream = await eventStream({ api, identity, sessionId: id, afterSeq: 0, clock });
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await vi.advanceTimersByTimeAsync(0);
  stream.destroy();

  expect(text).toBe(': connected\n\nid: 1\ndata: {"seq":1}\n\n');
});
