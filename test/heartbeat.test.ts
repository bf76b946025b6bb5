import { afterAll, beforeAll, expect, test } from "vitest";
import { type ManualClock, manualClock } from "./support/manual-clock.ts";
import { opcodes, RawSocket } from "./support/raw-socket.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let clock: ManualClock;

beforeAll(async () => {
  clock = manualClock();
  server = await startTestServer({ clock });
});

afterAll(() => server.remove());

const isPing = ({ opcode }: { opcode: number }) => opcode === opcodes.ping;

test("a peer is pinged after 25 seconds; one that stays silent for 60 is dropped, one that answers is not", async () => {
  const { id } = await server.createSession();
  const [silent, answering] = [await RawSocket.open(server, id), await RawSocket.open(server, id)];

  clock.advance(26_000);
  await Promise.all([silent.frame(isPing), answering.frame(isPing)]);
  answering.send({ opcode: opcodes.pong });
  // What comes after the pong was read after it.
  answering.text({ type: "ping", data: {}, id: "heard" });
  await answering.frame(({ payload }) => payload.includes('"ref":"heard"'));
  clock.advance(35_000);
  await silent.gone();

  answering.text({ type: "ping", data: {}, id: "still here" });
  await answering.frame(({ payload }) => payload.includes('"ref":"still here"'));
  expect(await silent.closeCode()).toBe(1006);
  answering.destroy();
});

test("connected says how often the server pings", async () => {
  const { id } = await server.createSession();

  const client = await server.connect(id);

  expect(await client.first("connected")).toMatchObject({ data: { heartbeat_ms: 25_000, protocol: "paygent.v1" } });
});
