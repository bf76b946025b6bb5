import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frameBytes, opcodes, type RawFrame, RawSocket } from "./support/raw-socket.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let sessionId: string;

beforeAll(async () => {
  // Flooding has a test of its own.
  server = await startTestServer({ messagesPerSecond: 100_000 });
  ({ id: sessionId } = await server.createSession());
});

afterAll(() => server.remove());

const { continuation, text, binary, close, ping } = opcodes;
const ofSize = (size: number) => JSON.stringify({ type: "ping", data: {}, id: "" }).padEnd(size, " ");
const status = (code: number, reason: string | Buffer = "") => {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
  payload.writeUInt16BE(code);
  return { opcode: close, payload };
};
const fragments = (count: number, size: number): RawFrame[] =>
  Array.from({ length: count }, (_, i) => ({
    opcode: i === 0 ? text : continuation,
    fin: i === count - 1,
    payload: " ".repeat(size),
  }));

const catalogue: Record<string, readonly [number, ...(RawFrame | Buffer)[]]> = {
  "an unmasked frame": [1002, { opcode: text, payload: "{}", masked: false }],
  "a first reserved bit": [1002, { opcode: text, payload: "{}", rsv: 4 }],
  "a second reserved bit": [1002, { opcode: text, payload: "{}", rsv: 2 }],
  "a third reserved bit": [1002, { opcode: text, payload: "{}", rsv: 1 }],
  "opcode 3": [1002, { opcode: 3, payload: "{}" }],
  "opcode 7": [1002, { opcode: 7 }],
  "opcode 11": [1002, { opcode: 11 }],
  "opcode 15": [1002, { opcode: 15 }],
  "a lone continuation": [1002, { opcode: continuation, payload: "{}" }],
  "a text inside a fragmented text": [1002, { opcode: text, fin: false }, { opcode: text, payload: "{}" }],
  "a fragmented ping": [1002, { opcode: ping, fin: false }],
  "a ping of 126 bytes": [1002, { opcode: ping, payload: "p".repeat(126) }],
  "a close of one byte": [1002, { opcode: close, payload: "x" }],
  "close code 999": [1002, status(999)],
  "close code 1004": [1002, status(1004)],
  "close code 1005": [1002, status(1005)],
  "close code 1006": [1002, status(1006)],
  "close code 1015": [1002, status(1015)],
  "close code 2999": [1002, status(2999)],
  "close code 5000": [1002, status(5000)],
  "a close reason that is no UTF-8": [1007, status(1000, Buffer.from([0xff]))],
  "a truncated UTF-8 sequence": [1007, { opcode: text, payload: Buffer.from([0x7b, 0xe2, 0x82]) }],
  "an overlong slash": [1007, { opcode: text, payload: Buffer.from([0xc0, 0xaf]) }],
  "a UTF-8 surrogate": [1007, { opcode: text, payload: Buffer.from([0xed, 0xa0, 0x80]) }],
  "a code point beyond Unicode": [1007, { opcode: text, payload: Buffer.from([0xf4, 0x90, 0x80, 0x80]) }],
  "a binary frame": [1003, { opcode: binary, payload: "{}" }],
  "an empty binary frame": [1003, { opcode: binary }],
  "65,537 bytes": [1009, { opcode: text, payload: ofSize(65_537) }],
  "a stated length of 65,537": [1009, { opcode: text, statedLength: 65_537n }],
  "a stated length of 2^31": [1009, { opcode: text, statedLength: 2n ** 31n }],
  "a stated length of 2^53": [1009, { opcode: text, statedLength: 2n ** 53n }],
  "a stated length of 2^63": [1009, { opcode: text, statedLength: 2n ** 63n }],
  "a stated length of 2^64 - 1": [1009, { opcode: text, statedLength: 2n ** 64n - 1n }],
  "fragments that sum over 64 KiB": [1009, ...fragments(3, 30_000)],
  "65 fragments": [1008, ...fragments(65, 1)],
  "a stream of empty fragments": [1008, ...fragments(1000, 0)],
};

describe("a frame that no client may send closes its own socket only", () => {
  test.each(Object.entries(catalogue))("%s", async (_kind, [code, ...frames]) => {
    const bystander = await RawSocket.open(server, sessionId);
    for (let round = 0; round < 3; round++) {
      const client = await RawSocket.open(server, sessionId);

      client.send(...frames);

      expect(await client.closeCode()).toBe(code);
      client.destroy();
    }
    bystander.text({ type: "ping", data: {}, id: "still here" });
    await bystander.frame(({ payload }) => payload.includes('"ref":"still here"'));
    const next = await RawSocket.open(server, sessionId);
    next.destroy();
    bystander.destroy();
  });
});

describe("a frame that is unusual and proper is taken", () => {
  const message = JSON.stringify({ type: "ping", data: {}, id: "odd" });
  const split = (size: number): RawFrame[] => {
    const parts = message.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
    return parts.map((payload, i) => ({
      opcode: i === 0 ? text : continuation,
      payload,
      fin: i === parts.length - 1,
    }));
  };
  const cases: Record<string, readonly (RawFrame | Buffer)[]> = {
    "a message of exactly 64 KiB": [{ opcode: text, payload: message.padEnd(65_536, " ") }],
    "a message in fragments of one byte": split(1),
    "64 fragments": [
      { opcode: text, payload: message, fin: false },
      ...Array.from({ length: 62 }, () => ({ opcode: continuation, payload: " ", fin: false })),
      { opcode: continuation },
    ],
    "a ping between two fragments": split(20).flatMap((part) => [part, { opcode: ping, payload: "p".repeat(125) }]),
    "a length in more bytes than it needs": [{ opcode: text, payload: message, statedLength: BigInt(message.length) }],
  };

  test.each(Object.entries(cases))("%s", async (_kind, frames) => {
    const client = await RawSocket.open(server, sessionId);

    client.send(...frames);

    await client.frame(({ payload }) => payload.includes('"type":"pong"') && payload.includes('"ref":"odd"'));
    client.destroy();
  });

  test("a message that comes byte by byte", async () => {
    const client = await RawSocket.open(server, sessionId);

    for (const byte of frameBytes({ opcode: text, payload: message })) client.send(Buffer.from([byte]));

    await client.frame(({ payload }) => payload.includes('"ref":"odd"'));
    client.destroy();
  });

  test("a close is answered with the same code", async () => {
    const client = await RawSocket.open(server, sessionId);

    client.send(status(4999));

    expect(await client.closeCode()).toBe(4999);
    await client.gone();
  });
});
