import { afterAll, beforeAll, expect, test } from "vitest";
import { readServerSentEvents } from "./support/sse-reader.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server.remove());

test("a client that is ahead of the log is told to start afresh, and then hears all that is kept and what happens", async () => {
  const { id } = await server.createSession();
  const first = await server.connect(id);
  await first.end(execute(first, "check balance"));
  const lastSeq = first.events.at(-1)?.seq ?? 0;

  const ahead = await server.connect(id, { lastSeq: lastSeq + 1 });
  const next = execute(first, "check balance");
  await ahead.end(next);

  const [connected, resync, ...events] = ahead.events;
  expect(connected).toMatchObject({ type: "connected", data: { last_seq: lastSeq } });
  expect(resync).toMatchObject({ type: "resync", data: { session_id: id, first_seq: 1, last_seq: lastSeq } });
  expect(resync?.seq).toBeUndefined();
  expect(events.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq)).toEqual(
    Array.from({ length: events.at(-1)?.seq ?? 0 }, (_, index) => index + 1),
  );
});

test("a client at the log's end, or that names no place, is told nothing twice", async () => {
  const { id } = await server.createSession();
  const first = await server.connect(id);
  await first.end(execute(first, "check balance"));
  const lastSeq = first.events.at(-1)?.seq ?? 0;

  const [atEnd, anywhere] = [await server.connect(id, { lastSeq }), await server.connect(id)];
  const next = execute(first, "check balance");
  await Promise.all([atEnd.end(next), anywhere.end(next)]);

  expect(atEnd.events.map(({ seq }) => seq)[1]).toBe(lastSeq + 1);
  expect(anywhere.frames.slice(1)).toEqual(atEnd.frames.slice(1));
});

test("a stream that is ahead of the log begins with resync too", async () => {
  const { id } = await server.createSession();
  const headers = { authorization: `Bearer ${await server.token()}`, "last-event-id": "7" };

  const [event] = await readServerSentEvents(`${server.url}/api/v1/sessions/${id}/events`, headers, () => true);

  expect(event?.id).toBeUndefined();
  expect(JSON.parse(event?.data ?? "")).toMatchObject({ type: "resync", data: { first_seq: 1, last_seq: 0 } });
});
