import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const pieceBytes = 16 * 1024 * 1024;

/** Which of some byte strings stand anywhere in what a process of ours has written to its memory. Linux only. */
export function foundInMemory(pid: number, needles: readonly Buffer[]): boolean[] {
  const overlap = Math.max(...needles.map((needle) => needle.length));
  const piece = Buffer.allocUnsafe(pieceBytes);
  const found = needles.map(() => false);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const [from, to] of writtenRanges(pid)) {
      for (let at = from; at < to; at += BigInt(pieceBytes - overlap)) {
        const bytes = piece.subarray(0, read(memory, piece, at, Math.min(pieceBytes, Number(to - at))));
        for (const [index, needle] of needles.entries()) found[index] ||= bytes.includes(needle);
      }
    }
  } finally {
    closeSync(memory);
  }
  // It looked through copies of its own; they are no part of the answer to the next look.
  piece.fill(0);
  return found;
}

function writtenRanges(pid: number): [bigint, bigint][] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .filter((line) => /^\S+ rw/.test(line))
    .map((line) => {
      const [from = "", to = ""] = (line.split(" ")[0] ?? "").split("-");
      return [BigInt(`0x${from}`), BigInt(`0x${to}`)];
    });
}

/** How many bytes there were; none where pages are mapped and not there. */
function read(memory: number, piece: Buffer, at: bigint, length: number): number {
  try {
    return readSync(memory, piece, 0, length, at);
  } catch {
    return 0;
  }
}
