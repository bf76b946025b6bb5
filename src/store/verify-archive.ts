import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type ChainEntry, type Checkpoint, checkChain, type Verification } from "../protocol/hash-chain.ts";
import { Id } from "../protocol/ids.ts";
import { type Segment, segmentName, segmentsIn, unlessAbsent } from "./archive-folder.ts";
import { sha256 } from "./event-log.ts";
import { type ExportedEntry, exportedEntries, verifyExport } from "./verify-export.ts";

/**
 * A session's whole log: what its files hold, then what the database keeps from `firstSeq` on. What a file holds
 * beyond that, because it was written and not yet taken out of the database, must be the same there.
 */
export async function* wholeLog(
  folder: string,
  { sessionId, firstSeq, kept }: { sessionId: string; firstSeq: number; kept: AsyncIterable<ChainEntry> },
): AsyncGenerator<ChainEntry> {
  const twice = new Map<number, string>();
  let through = 0;
  for await (const entry of archivedEntries(folder, sessionId, firstSeq - 1)) {
    if (entry.missing !== undefined || entry.seq < firstSeq) yield entry;
    else twice.set(entry.seq, entry.hash);
    through = entry.seq;
  }
  let last = firstSeq - 1;
  for await (const entry of kept) {
    const other = twice.get(entry.seq);
    const isOther = other !== undefined && other !== entry.hash;
    yield isOther ? { ...entry, flaw: `Event ${entry.seq} is another in the archive than in the database.` } : entry;
    last = entry.seq;
  }
  if (through <= last) return;
  const missing = `The archive has events up to ${through}, the database up to ${last} only: it was cut, or restored from an older backup.`;
  yield { seq: last + 1, text: "", hash: "", missing };
}

/** The entries of a session's files, which must hold the events from the first to `through` and may hold more. */
async function* archivedEntries(folder: string, sessionId: string, through: number): AsyncGenerator<ChainEntry> {
  let last: ExportedEntry = { seq: 0, text: "", hash: "", sessionId };
  for (const segment of await segmentsIn(folder)) {
    const misfit = misfitOf(segment, last.seq, folder);
    if (misfit !== undefined) return yield gap(last.seq + 1, misfit);
    for await (const entry of exportedEntries(segment.path, last)) {
      const isForeign = entry.sessionId !== sessionId;
      yield isForeign ? { ...entry, flaw: `Event ${entry.seq} is of another session.` } : entry;
      last = entry;
    }
    if (last.seq < segment.lastSeq) {
      const lost = eventsText(last.seq + 1, segment.lastSeq);
      return yield gap(last.seq + 1, `The archive's file ${segment.path} was cut: ${lost} missing.`);
    }
  }
  if (last.seq < through) {
    const lost = eventsText(last.seq + 1, through);
    yield gap(
      last.seq + 1,
      `${capital(lost)} missing: no file in ${folder} has them. Is it the right folder? PAYGENT_ARCHIVE_DIR and --archive name another, --no-archive checks the database alone.`,
    );
  }
}

function misfitOf({ firstSeq, lastSeq, path }: Segment, last: number, folder: string): string | undefined {
  if (firstSeq <= last)
    return `The archive's file ${path} begins at event ${firstSeq}, which the file before it has too.`;
  if (firstSeq === last + 1 && lastSeq >= firstSeq) return undefined;
  const lost = capital(eventsText(last + 1, firstSeq - 1));
  return `${lost} missing: no file in ${folder} has them; the next one is ${segmentName(firstSeq, lastSeq)}.`;
}

function eventsText(first: number, last: number): string {
  return first === last ? `event ${first} is` : `events ${first} to ${last} are`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function gap(seq: number, missing: string): ChainEntry {
  return { seq, text: "", hash: "", missing };
}

/** The sessions that an archive holds files of. */
export async function sessionsIn(archive: string): Promise<string[]> {
  const entries = (await unlessAbsent(readdir(archive, { withFileTypes: true }))) ?? [];
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return names.sort();
}

/**
 * Verifies files without a database: an exported log, the folder of one session in an archive, or a whole
 * archive. Only a checkpoint tells whether the end of a log was cut off. Throws when there is no log.
 */
export async function* verifyFiles(
  path: string,
  checkpointOf: (sessionId: string) => Checkpoint | undefined,
): AsyncGenerator<Verification> {
  if (!(await stat(path)).isDirectory()) return yield verifyExport(path, checkpointOf);
  const isOne = (await segmentsIn(path)).length > 0;
  const folders = isOne ? [resolve(path)] : (await sessionsIn(path)).map((name) => join(path, name));
  let count = 0;
  for (const folder of folders) {
    const sessionId = await sessionOf(folder);
    if (sessionId === undefined) continue;
    count += 1;
    yield await checkChain(archivedEntries(folder, sessionId, 0), {
      sessionId,
      sha256,
      checkpoint: checkpointOf(sessionId),
    });
  }
  if (count === 0) throw new Error(`${path} holds no archived events.`);
}

/** Whose events a folder holds: its name says it, or what it holds where somebody gave it another. */
async function sessionOf(folder: string): Promise<string | undefined> {
  const segments = await segmentsIn(folder);
  if (segments.length > 0 && Id.safeParse(basename(folder)).success) return basename(folder);
  for (const { path } of segments) for await (const { sessionId } of exportedEntries(path)) return sessionId;
  return undefined;
}
