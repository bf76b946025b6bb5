import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ManualClock } from "./support/manual-clock.ts";
import { opcodes, RawSocket } from "./support/raw-socket.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let clock: ManualClock;
let sessionId: string;

beforeAll(async () => {
  clock = standingClock();
  server = await startTestServer({ clock });
  ({ id: sessionId } = await server.createSession());
});

afterAll(() => server.remove());

/** A clock that stands still, so that a second lasts until a test has said all it has to say. */
function standingClock(): ManualClock {
  let now = Date.now();
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

const pings = (count: number) => Array.from({ length: count }, (_, i) => ({ type: "ping", data: {}, id: `p${i}` }));

describe("messages", () => {
  test("beyond 100 in a second are refused, and in the next second taken again", async () => {
    const client = await server.connect(sessionId);

    for (const ping of pings(120)) client.send(ping);
    await client.find(() => client.events.length === 121);
    clock.advance(1000);
    client.send({ type: "ping", data: {}, id: "later" });

    expect(await client.answerTo("later")).toMatchObject({ type: "pong" });
    expect(client.events.filter(({ type }) => type === "pong")).toHaveLength(101);
    const refusals = client.events.filter(({ type }) => type === "error");
    expect(refusals).toHaveLength(20);
    expect(refusals[0]).toMatchObject({ data: { code: "rate_limited" } });
    await client.close();
  });

  test("beyond 150 in a second close the socket with 1008", async () => {
    const client = await server.connect(sessionId);

    for (const ping of pings(200)) client.send(ping);

    expect(await client.closed).toEqual({ code: 1008, reason: "flooding" });
  });

  test("of the largest size are refused like any other", async () => {
    const client = await server.connect(sessionId);

    for (let i = 0; i < 160; i++) client.send(JSON.stringify({ type: "ping", data: {} }).padEnd(65_536, " "));

    expect((await client.closed).code).toBe(1008);
  });
});

describe("messages of a user", () => {
  const limited = async () => {
    const own = await serverForTest({ clock, env: { PAYGENT_MESSAGES_PER_USER: "10" } });
    return { own, id: (await own.createSession()).id };
  };

  test("beyond two seconds' worth over all sockets are refused, each by its id, and others' are taken", async () => {
    const { own, id } = await limited();
    const clients = [await own.connect(id), await own.connect(id), await own.connect(id)];
    const { id: bobs } = await own.createSession({}, "bob");
    const bob = await own.connect(bobs, { userId: "bob" });

    for (const client of clients) for (const ping of pings(10)) client.send(ping);
    const answers = await Promise.all(
      clients.flatMap((client) => pings(10).map(({ id: ref }) => client.answerTo(ref))),
    );
    bob.send({ type: "ping", data: {}, id: "mine" });

    expect(answers.filter(({ type }) => type === "pong")).toHaveLength(20);
    const refusals = answers.filter(({ type }) => type === "error");
    expect(refusals).toHaveLength(10);
    expect(refusals[0]).toMatchObject({ data: { code: "rate_limited", details: { retry_after_s: 1 } } });
    expect(await bob.answerTo("mine")).toMatchObject({ type: "pong" });
  });

  test("close the socket with 1008 when more than 50 of its own are refused in a second", async () => {
    const { own, id } = await limited();
    const client = await own.connect(id);

    for (const ping of pings(80)) client.send(ping);

    expect(await client.closed).toEqual({ code: 1008, reason: "flooding" });
    expect(client.events.filter(({ type }) => type === "error").length).toBeLessThanOrEqual(51);
  });
});

describe("malformed messages", () => {
  test("close the socket with 1008 when there are 32 in a minute", async () => {
    const client = await server.connect(sessionId);

    for (let i = 0; i < 32; i++) client.send("{");

    expect((await client.closed).code).toBe(1008);
    expect(client.events.filter(({ type }) => type === "error")).toHaveLength(32);
  });

  test("do not close it when there are 31 in each of two minutes", async () => {
    const client = await server.connect(sessionId);

    for (let minute = 0; minute < 2; minute++) {
      for (let i = 0; i < 31; i++) client.send("{");
      await client.find(() => client.events.filter(({ type }) => type === "error").length === 31 * (minute + 1));
      clock.advance(60_000 - 1);
      client.send({ type: "ping", data: {}, id: `after-${minute}` });
      await client.answerTo(`after-${minute}`);
      clock.advance(1);
    }

    expect(client.events.filter(({ type }) => type === "pong")).toHaveLength(2);
    await client.close();
  });

  test("are those that cannot be read; a refused command is none", async () => {
    const client = await server.connect(sessionId);
    const unknown = { request_id: "00000000-0000-4000-8000-000000000000" };

    for (let i = 0; i < 40; i++) client.send({ type: "approve", data: unknown, id: `a${i}` });

    expect(await client.answerTo("a39")).toMatchObject({ type: "error", data: { code: "not_found" } });
    await client.close();
  });
});

describe("control frames", () => {
  test.each(["ping", "pong"] as const)("10,000 of %s that nobody reads the answers of are 1008", async (kind) => {
    const client = await RawSocket.open(server, sessionId);
    client.socket.pause();

    client.send(...Array.from({ length: 10_000 }, () => ({ opcode: opcodes[kind], payload: "p".repeat(125) })));
    client.socket.resume();

    expect(await client.closeCode()).toBe(1008);
    client.destroy();
  });

  test("a ping is answered with what it held", async () => {
    const client = await RawSocket.open(server, sessionId);

    client.send({ opcode: opcodes.ping, payload: "held" });

    const { payload } = await client.frame(({ opcode }) => opcode === opcodes.pong);
    expect(payload.toString()).toBe("held");
    client.destroy();
  });
});

test("a flood of one socket takes nothing from another's share", async () => {
  const [loud, quiet] = [await server.connect(sessionId), await server.connect(sessionId)];

  for (const ping of pings(200)) loud.send(ping);
  quiet.send({ type: "ping", data: {}, id: "quiet" });

  expect(await quiet.answerTo("quiet")).toMatchObject({ type: "pong" });
  expect((await loud.closed).code).toBe(1008);
  await quiet.close();
});
