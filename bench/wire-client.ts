import { randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Socket } from "node:net";

const noBytes = Buffer.alloc(0);
const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/**
 * A WebSocket client that does next to nothing, so that a measurement is of the server: frames are handed
 * over as they lie in the read buffer, and what it sends is masked with zeros, which the RFC allows.
 */
export class WireClient {
  readonly #socket: Socket;
  #rest = noBytes;
  /** Called with the payload of every text frame. */
  onText: (payload: Buffer) => void = () => undefined;
  onClose: () => void = () => undefined;

  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.onClose());
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    if (head.length > 0) setImmediate(() => this.#read(head));
  }

  send(message: object): void {
    this.#write(opcodes.text, Buffer.from(JSON.stringify(message)));
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(opcode: number, payload: Buffer): void {
    const { length } = payload;
    const isShort = length < 126;
    const header = Buffer.alloc(isShort ? 6 : 8);
    header[0] = 0x80 | opcode;
    header[1] = 0x80 | (isShort ? length : 126);
    if (!isShort) header.writeUInt16BE(length, 2);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      if (bytes.length < at + 2) break;
      const first = bytes.readUInt8(at);
      let length = bytes.readUInt8(at + 1);
      let from = at + 2;
      if (length === 126) {
        if (bytes.length < at + 4) break;
        length = bytes.readUInt16BE(at + 2);
        from = at + 4;
      } else if (length === 127) {
        if (bytes.length < at + 10) break;
        length = bytes.readUIntBE(at + 4, 6);
        from = at + 10;
      }
      if (bytes.length < from + length) break;
      at = from + length;
      const opcode = first & 0x0f;
      if (opcode === opcodes.text) this.onText(bytes.subarray(from, at));
      else if (opcode === opcodes.ping) this.#write(opcodes.pong, bytes.subarray(from, at));
      else if (opcode === opcodes.close) this.close();
    }
    // What is left of a read is copied, so that it does not keep the whole read alive.
    this.#rest = at === bytes.length ? noBytes : Buffer.from(bytes.subarray(at));
  }
}

/** Opens a socket on a session and waits for `connected`, or for the first frame that is what was waited for. */
export async function openWire(
  url: string,
  token: string,
  isAwaited: (payload: Buffer) => boolean = () => true,
): Promise<WireClient> {
  const upgrade = request(url, {
    agent: false,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
      "sec-websocket-protocol": "paygent.v1",
      authorization: `Bearer ${token}`,
    },
  });
  return new Promise((resolve, reject) => {
    upgrade.on("error", reject);
    upgrade.on("response", ({ statusCode }) => reject(new Error(`The socket was refused with ${statusCode}.`)));
    upgrade.on("upgrade", (_response, socket: Socket, head) => {
      const client = new WireClient(socket, head);
      client.onText = (payload) => {
        if (!isAwaited(payload)) return;
        client.onText = () => undefined;
        client.onClose = () => undefined;
        resolve(client);
      };
      client.onClose = () => reject(new Error("The socket was closed before it was connected."));
    });
    upgrade.end();
  });
}
