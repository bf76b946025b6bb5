import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type RawAnswer, readHead, upgradeRequest } from "./raw-http.ts";
import type { TestServer } from "./test-server.ts";

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame of a client, with whatever is wrong about it; masked and whole unless it says otherwise. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  readonly fin?: boolean;
  /** The three reserved bits, 1 to 7. */
  readonly rsv?: number;
  readonly masked?: boolean;
  /** A length to state in the 64-bit form instead of the payload's own. */
  readonly statedLength?: bigint;
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The bytes of a frame. The mask is zero, which is as good as any other to who reads it. */
export function frameBytes(frame: RawFrame): Buffer {
  const { opcode, fin = true, rsv = 0, masked = true, statedLength } = frame;
  const payload = Buffer.from(frame.payload ?? "");
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  let length: Buffer;
  if (statedLength !== undefined || payload.length > 0xffff) {
    length = Buffer.alloc(9);
    length[0] = maskBit | 127;
    length.writeBigUInt64BE(statedLength ?? BigInt(payload.length), 1);
  } else if (payload.length > 125) {
    length = Buffer.from([maskBit | 126, payload.length >> 8, payload.length & 0xff]);
  } else {
    length = Buffer.from([maskBit | payload.length]);
  }
  return Buffer.concat([Buffer.from([first]), length, Buffer.alloc(masked ? 4 : 0), payload]);
}

/** A WebSocket client that does nothing by itself: it answers no ping and no close, and may send any bytes. */
export class RawSocket {
  readonly socket: Socket;
  readonly head: RawAnswer;
  readonly frames: ReceivedFrame[] = [];
  #rest: Buffer;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: Socket, head: RawAnswer, rest: Buffer) {
    this.socket = socket;
    this.head = head;
    this.#rest = rest;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
    this.#read(Buffer.alloc(0));
  }

  /** Opens a socket on a session and waits for `connected`. */
  static async open(
    server: TestServer,
    sessionId: string,
    { userId, query = "" }: { userId?: string; query?: string } = {},
  ): Promise<RawSocket> {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const headers = { Authorization: `Bearer ${await server.token(userId)}` };
    socket.write(upgradeRequest(`/api/v1/ws?session_id=${sessionId}${query}`, headers));
    const { answer, rest } = await readHead(socket);
    if (answer.status !== 101) throw new Error(`The socket was refused with ${answer.status}.`);
    const client = new RawSocket(socket, answer, rest);
    await client.frame(({ opcode }) => opcode === opcodes.text);
    return client;
  }

  send(...frames: readonly (RawFrame | Buffer)[]): void {
    this.socket.write(Buffer.concat(frames.map((frame) => (Buffer.isBuffer(frame) ? frame : frameBytes(frame)))));
  }

  text(message: unknown): void {
    this.send({ opcode: opcodes.text, payload: JSON.stringify(message) });
  }

  /** The first frame, received already or to come, that `matches`. */
  async frame(matches: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame> {
    for (;;) {
      const found = this.frames.find(matches);
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error("The socket closed before such a frame.");
      await this.#changed.promise;
    }
  }

  /** The code that the server closes with; 1006 when it only hangs up. */
  async closeCode(): Promise<number> {
    try {
      const { payload } = await this.frame(({ opcode }) => opcode === opcodes.close);
      return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    } catch {
      return 1006;
    }
  }

  async gone(): Promise<void> {
    if (!this.#isClosed) await once(this.socket, "close");
  }

  destroy(): void {
    this.socket.destroy();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #read(chunk: Buffer): void {
    const { frames, rest } = parseFrames(Buffer.concat([this.#rest, chunk]));
    this.frames.push(...frames);
    this.#rest = rest;
    this.#wake();
  }
}

/** The whole frames at the beginning of a server's bytes, and what is left. */
export function parseFrames(bytes: Buffer): { frames: ReceivedFrame[]; rest: Buffer } {
  const frames: ReceivedFrame[] = [];
  let rest = bytes;
  for (;;) {
    const frame = parseFrame(rest);
    if (frame === undefined) return { frames, rest };
    frames.push({ opcode: frame.opcode, payload: frame.payload });
    rest = rest.subarray(frame.size);
  }
}

/** The frame at the beginning of a server's bytes, if it is there as a whole; a server's frames are not masked. */
function parseFrame(bytes: Buffer): (ReceivedFrame & { size: number }) | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const size = start + length;
  if (bytes.length < size) return undefined;
  return { opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(start, size), size };
}
