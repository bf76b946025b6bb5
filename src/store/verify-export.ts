import { createReadStream } from "node:fs";
import * as z from "zod";
import {
  type ChainEntry,
  type Checkpoint,
  checkChain,
  splitLogEntry,
  type Verification,
} from "../protocol/hash-chain.ts";
import { sha256 } from "./event-log.ts";

const Entry = z.object({ seq: z.int().positive(), data: z.object({ session_id: z.string() }) });

/**
 * Verifies an exported log: a file with one entry of `GET /logs` a line, from a session's first event on. Only
 * a checkpoint tells whether its end was cut off. Throws when the file is no such log.
 */
export async function verifyExport(
  path: string,
  checkpointOf: (sessionId: string) => Checkpoint | undefined,
): Promise<Verification> {
  const entries = exportedEntries(path);
  const first = await entries.next();
  if (first.done === true) throw new Error(`${path} holds no events.`);
  const { sessionId } = first.value;
  return checkChain(withFirst(first.value, entries), { sessionId, sha256, checkpoint: checkpointOf(sessionId) });
}

export interface ExportedEntry extends ChainEntry {
  readonly sessionId: string;
}

async function* withFirst(first: ExportedEntry, rest: AsyncIterable<ExportedEntry>): AsyncGenerator<ChainEntry> {
  yield first;
  for await (const entry of rest) {
    const isForeign = entry.sessionId !== first.sessionId;
    yield isForeign ? { ...entry, flaw: `Event ${entry.seq} is of another session.` } : entry;
  }
}

/** The entries of a file. `before` is what stands before the first one; without it the first must be readable. */
export async function* exportedEntries(path: string, before?: ExportedEntry): AsyncGenerator<ExportedEntry> {
  let last = before;
  for await (const line of linesOf(path)) {
    if (line.trim() === "") continue;
    const entry = exportedEntry(line);
    if (entry === undefined && last === undefined) {
      throw new Error(`${path} does not begin with an entry of a log; give a file with one entry a line.`);
    }
    // What cannot be read stands for the event that should be there; its hash will not fit.
    last = entry ?? { seq: (last?.seq ?? 0) + 1, text: line, hash: "", sessionId: last?.sessionId ?? "" };
    yield last;
  }
}

/** The hash is over the bytes before it, so they are cut out of the line and not written anew. */
function exportedEntry(line: string): ExportedEntry | undefined {
  const split = splitLogEntry(line.replace(/\r$/, ""));
  if (split === undefined) return undefined;
  const { text, hash } = split;
  try {
    const { seq, data } = Entry.parse(JSON.parse(text));
    return { seq, text, hash, sessionId: data.session_id };
  } catch {
    // Cut short or never JSON: either way it is no entry.
    return undefined;
  }
}

/** Node's own reader of lines also breaks them at U+2028, which stands unescaped in JSON. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
