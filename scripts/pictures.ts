import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";

/** Puts the pictures that the browser tests left in artifacts/ into docs/images/, and makes the moving one of them. */
const from = fileURLToPath(new URL("../artifacts/", import.meta.url));
const to = fileURLToPath(new URL("../docs/images/", import.meta.url));
const stills = ["approval-light", "approval-dark", "approval-phone"];
const frames = ["start", "approval-light", "receipt-light", "reconnecting", "receipt-light"];
const secondsEach = 2;

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function chunk({ type, data }: Chunk): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

/** Pictures of one size and kind as the frames of an animated PNG (PNG, third edition, 11.3.6). */
function animate(pictures: readonly Buffer[]): Buffer {
  const [first = Buffer.alloc(0)] = pictures;
  const header = chunksOf(first)[0]?.data ?? Buffer.alloc(0);
  let sequence = 0;
  const parts = pictures.flatMap((picture, index) => {
    const chunks = chunksOf(picture);
    if (chunks[0]?.data.equals(header) !== true) throw new Error(`Picture ${index} is of another size or kind.`);
    const data = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map((part) => part.data));
    const size = [header.readUInt32BE(0), header.readUInt32BE(4)];
    const control = Buffer.concat([uint32(sequence++, ...size, 0, 0), Buffer.from([0, secondsEach, 0, 1, 0, 0])]);
    const image =
      index === 0 ? { type: "IDAT", data } : { type: "fdAT", data: Buffer.concat([uint32(sequence++), data]) };
    return [{ type: "fcTL", data: control }, image];
  });
  const all = [
    { type: "IHDR", data: header },
    { type: "acTL", data: uint32(pictures.length, 0) },
    ...parts,
    { type: "IEND", data: Buffer.alloc(0) },
  ];
  return Buffer.concat([first.subarray(0, 8), ...all.map(chunk)]);
}

mkdirSync(to, { recursive: true });
for (const name of stills) copyFileSync(`${from}${name}.png`, `${to}${name}.png`);
writeFileSync(`${to}first-minute.png`, animate(frames.map((name) => readFileSync(`${from}${name}.png`))));
