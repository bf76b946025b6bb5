import { afterAll, beforeAll, expect, test } from "vitest";
import { PaygentError } from "../src/protocol/errors.ts";
import { approve } from "../src/runtime/approve.ts";
import { execute as executeOn } from "../src/runtime/execute.ts";
import { terminate } from "../src/runtime/terminate.ts";
import { pendingOfSession } from "../src/store/approvals.ts";
import type { Store } from "../src/store/database.ts";
import { readEvents } from "../src/store/event-log.ts";
import { alice, newSession, openedStore, startWorker, statusOf } from "./support/bare-worker.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buyNews = 'pay_service {"service":"news"}';

let server: TestServer;

beforeAll(async () => {
  // Nothing here is to be found by looking.
  server = await startTestServer({ pollMs: 600_000 });
});

afterAll(() => server.remove());

test("a session that is terminated stops its work, shows that it did, and closes its sockets with 4409", async () => {
  const { id } = await server.createSession();
  const { id: other } = await server.createSession();
  const clients = await Promise.all([1, 2, 3].map(() => server.connect(id)));
  const bystander = await server.connect(other);
  const [client] = clients;
  if (client === undefined) throw new Error("There is no client.");
  const execution = execute(client, "wait 60 seconds");
  await client.first("tool_call", execution);

  const { status } = await server.http("DELETE", `/sessions/${id}`);

  expect(status).toBe(204);
  const closed = await Promise.all(clients.map(({ closed }) => closed));
  expect(closed.map(({ code }) => code)).toEqual([4409, 4409, 4409]);
  bystander.send({ type: "ping", data: {}, id: "here" });
  expect(await bystander.answerTo("here")).toMatchObject({ type: "pong" });
});

test("a terminated session lets nobody in, and keeps its log", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "check balance"));
  await server.http("DELETE", `/sessions/${id}`);

  const late = new TestClient(`${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}`, {
    token: await server.token(),
  });

  expect((await late.closed).code).toBe(4409);
  const { body } = await server.http("GET", `/sessions/${id}/events`);
  expect(body.data[0].type).toBe("execution_started");
});

test("what a server that dies while it terminates a session leaves open is cancelled by the next one", async () => {
  const store = await openedStore();
  const world = fakeWorld();
  const { runtime } = await startWorker(store, world);
  const sessionId = await newSession(store, { approval_threshold_usd: "1" });
  const start = async () => (await executeOn(runtime, alice, { sessionId, input: { command: buyNews } })).execution.id;
  const waiting = await start();
  await expect.poll(statusOf(store, waiting)).toBe("waiting");
  const [pending] = await pendingOfSession(store.db, sessionId);
  const decision = { input: { request_id: pending?.id ?? "" } };

  await terminate({ ...runtime, store: dyingAfter(1, store) }, alice, sessionId);

  expect(await statusOf(store, waiting)()).toBe("waiting");
  await expect(approve(runtime, alice, decision)).rejects.toMatchObject({ code: "execution_ended" });
  await startWorker(store, world);
  await expect.poll(statusOf(store, waiting)).toBe("cancelled");
  const events = await readEvents(store.db, sessionId, 0, 100);
  expect(events.at(-1)).toMatchObject({ type: "cancelled", executionId: waiting });
});

/** A store that takes so many writes, as it is for a process that is killed then. */
function dyingAfter(writes: number, store: Store): Store {
  let done = 0;
  const write: Store["write"] = (unit, about) => {
    if (done === writes) return Promise.reject(new PaygentError("unavailable", "The process is gone."));
    done += 1;
    return store.write(unit, about);
  };
  return { ...store, write };
}
test("whoever comes in while the session is terminated does not stay", async () => {
  const token = await server.token();
  const codes = new Set<number>();

  for (let round = 0; round < 10; round++) {
    const { id } = await server.createSession();
    const url = `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}`;
    const clients = [new TestClient(url, { token })];
    const terminated = server.http("DELETE", `/sessions/${id}`);
    for (let late = 0; late < 20; late++) {
      clients.push(new TestClient(url, { token }));
      await server.http("GET", "/identity");
    }
    await terminated;
    for (const { closed } of clients) codes.add((await closed).code);
  }

  expect([...codes]).toEqual([4409]);
});
