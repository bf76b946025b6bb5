import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scriptedModel } from "./support/scripted-model.ts";
import { readServerSentEvents } from "./support/sse-reader.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const runsOfEach = 16;
let server: TestServer;

beforeAll(async () => {
  const model = scriptedModel(async (request, { onText }) => {
    const hasCalled = request.messages.some(({ role }) => role === "tool");
    for (const delta of ["héllo ", "wörld ", "👋"]) {
      onText(delta);
      // So that some pieces go out alone and some together with events.
      if (hasCalled) await setImmediate();
    }
    const calls = Array.from({ length: 3 }, () => ({ name: "check_balance", args: {} }));
    return hasCalled ? { text: 'Done: "ça" \u2028 <b>&' } : { text: "Looking.", calls };
  });
  server = await startTestServer({ model });
});

afterAll(() => server.remove());

/** Whether a socket has read all of the log and is told everything as it happens. */
function isLive(client: TestClient): boolean {
  return client.events.some(({ type }) => type === "text_delta");
}

async function eventsOverHttp(path: string): Promise<string> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    headers: { authorization: `Bearer ${await server.token()}` },
  });
  return response.text();
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])("%i sockets of a session see the same frames, byte for byte", async (count) => {
  for (let run = 0; run < runsOfEach; run++) {
    const { id } = await server.createSession();
    const clients = await Promise.all(Array.from({ length: count }, () => server.connect(id, { lastSeq: 0 })));
    const speakers = clients.slice(0, 2);

    const executions = speakers.map((client) => execute(client, "go"));
    await Promise.all(clients.flatMap((client) => executions.map((execution) => client.end(execution))));

    // Live text is a preview: a socket that is still reading from the log does without.
    const [first = [], ...others] = clients.map(({ frames, events }) =>
      frames.filter((_, index) => events[index]?.seq !== undefined),
    );
    for (const frames of others) expect(frames).toEqual(first);
    await Promise.all(clients.map((client) => client.close()));
  }
});

test("sockets that follow live see the same live text", async () => {
  const { id } = await server.createSession();
  const clients = await Promise.all(Array.from({ length: 8 }, () => server.connect(id)));
  const [speaker] = clients;
  const run = async () => {
    const execution = execute(speaker as TestClient, "go");
    await Promise.all(clients.map((client) => client.end(execution)));
  };
  while (!clients.every(isLive)) await run();
  const seen = clients.map(({ frames }) => frames.length);

  await run();

  const [first = [], ...others] = clients.map(({ frames }, index) => frames.slice(seen[index]));
  expect(first.filter((frame) => frame.includes('"text_delta"')).length).toBeGreaterThan(0);
  for (const frames of others) expect(frames).toEqual(first);
});

test("HTTP, a stream from the beginning, a live stream and a later socket give the same bytes", async () => {
  const { id } = await server.createSession();
  const headers = { authorization: `Bearer ${await server.token()}` };
  const client = await server.connect(id);
  const address = `${server.url}/api/v1/sessions/${id}/events`;
  const isEnd = ({ data }: { data: string }) => data.startsWith('{"type":"complete"');
  const live = readServerSentEvents(address, headers, isEnd);

  const execution = execute(client, "go");
  await client.end(execution);

  const frames = client.frames.filter((frame) => frame.includes('"seq":'));
  expect(frames.length).toBeGreaterThan(8);
  const later = await server.connect(id, { lastSeq: 0 });
  await later.end(execution);
  expect(later.frames.slice(1)).toEqual(frames);
  expect(await eventsOverHttp(`/sessions/${id}/events`)).toBe(
    `{"data":[${frames.join(",")}],"first_seq":1,"last_seq":${frames.length}}`,
  );
  const replayed = await readServerSentEvents(address, headers, isEnd);
  const expected = frames.map((data, i) => ({ id: String(i + 1), data }));
  expect(replayed).toEqual(expected);
  expect((await live).filter(({ id }) => id !== undefined)).toEqual(expected);
});

test("a stream that goes on behind Last-Event-ID misses nothing and repeats nothing", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "go"));
  const frames = client.frames.filter((frame) => frame.includes('"seq":'));
  const headers = { authorization: `Bearer ${await server.token()}` };

  for (let seq = 0; seq < frames.length; seq++) {
    const events = await readServerSentEvents(
      `${server.url}/api/v1/sessions/${id}/events`,
      { ...headers, "last-event-id": String(seq) },
      ({ id }) => id === String(frames.length),
    );
    expect(events.map(({ data }) => data)).toEqual(frames.slice(seq));
  }
});
