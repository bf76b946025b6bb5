import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The head of an upgrade request; a header of `undefined` is left out, a list is sent as several lines. */
export function upgradeRequest(
  target: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): string {
  const all = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}\r\n`),
  );
  return `GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Sends bytes as they stand and reads the answer until the server ends it. */
export async function rawRequest(port: number, text: string | Buffer): Promise<RawAnswer> {
  const socket = connect(port, "127.0.0.1");
  // A server that refuses early may reset what is still being sent.
  socket.on("error", () => undefined);
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "close");
  const answer = Buffer.concat(chunks).toString();
  return parseAnswer(answer);
}

/** Reads up to the end of the answer's head; what came after it is for whoever reads the socket next, at once. */
export function readHead(socket: Socket): Promise<{ answer: RawAnswer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onClose = () => reject(new Error(`The server hung up after ${bytes.length} bytes of its answer's head.`));
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", onData).off("close", onClose);
      resolve({ answer: parseAnswer(bytes.toString("latin1", 0, end + 4)), rest: bytes.subarray(end + 4) });
    };
    socket.on("data", onData).on("close", onClose);
  });
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(" ")[1]), headers: Object.fromEntries(headers), body: text.slice(end + 4) };
}
