import { findBatch } from "./archive-batch.ts";
import { ArchiveConflict, ArchiveFolder } from "./archive-folder.ts";
import {
  type ArchivedEvents,
  type ClaimedBatch,
  claimBatch,
  findArchive,
  finishBatch,
  postponeArchiving,
  releaseClaim,
} from "./archives.ts";
import type { Store } from "./database.ts";
import { beginArchive, deploymentId } from "./deployment.ts";
import { eventHash, logEntry, readEvents } from "./event-log.ts";
import { findSession } from "./sessions.ts";
import type { Database } from "./statement.ts";

/** How long an archiver has a session to itself: far longer than a batch takes. */
const claimMs = 60_000;
const pageSize = 100;

/** Where a store's old events go, and who moves them. */
export interface Archiver {
  readonly store: Store;
  readonly folder: ArchiveFolder;
  /** Who claims sessions; no two archivers have the same. */
  readonly by: string;
  /** The database's time, in milliseconds. */
  readonly now: () => number;
}

/** Opens the archive of a store, or begins it. Throws a sentence when the folder is not this database's archive. */
export async function openArchive(given: Omit<Archiver, "folder"> & { path: string }): Promise<Archiver> {
  const { store, path } = given;
  const folder = new ArchiveFolder(path, await deploymentId(store));
  const at = new Date(given.now()).toISOString();
  // Begun once, under the row's lock: of two servers with folders of their own the second finds no mark in its.
  await beginArchive(store, at, () => folder.mark());
  await folder.check();
  return { ...given, folder };
}

/** What came of a look at a session. */
export type Archived =
  | { readonly outcome: "archived"; readonly firstSeq: number; readonly lastSeq: number; readonly path: string }
  /** Nothing of it can be archived now. */
  | { readonly outcome: "nothing" }
  /** Another archiver has it. */
  | { readonly outcome: "taken" };

/**
 * Moves the next batch of a session's events from before `before` into a file. The events leave the database
 * only when the file is on disk under its name; a process that dies anywhere in between leaves what the next one
 * does again to the same end. Throws a sentence when the session's log is broken, or contradicts the archive.
 */
export async function archiveNext(archiver: Archiver, sessionId: string, before: string): Promise<Archived> {
  const { store, folder, by, now } = archiver;
  const session = await findSession(store.db, sessionId);
  if (session === undefined) throw new Error(`There is no session ${sessionId} in the database.`);
  const { firstSeq } = session;
  const begun = await findArchive(store.db, sessionId);
  const found = await findBatch(store.db, { sessionId, firstSeq, before });
  const lastSeq = begun?.plannedSeq ?? found.lastSeq;
  if (lastSeq === undefined) {
    const { oldestAt = isoTime(now()) } = found;
    // What is held up by something that has not ended is looked at again when the day to be archived is another.
    await store.write((tx) => postponeArchiving(tx, sessionId, oldestAt < before ? before : oldestAt));
    return { outcome: "nothing" };
  }
  const at = now();
  const until = isoTime(at + claimMs);
  const claim = { sessionId, firstSeq, lastSeq, by, at: isoTime(at), until };
  const batch = await store.write((tx) => claimBatch(tx, claim));
  if (batch === undefined) return { outcome: "taken" };
  try {
    const reading = new BatchReading(store.db, batch);
    const path = await folder.write(sessionId, batch, reading.lines());
    const isFinished = await store.write((tx) => finishBatch(tx, batch, reading.events, isoTime(now())));
    return isFinished ? { outcome: "archived", firstSeq, lastSeq: batch.lastSeq, path } : { outcome: "taken" };
  } catch (error) {
    // Where that fails too, the claim lapses by itself.
    await store.write((tx) => releaseClaim(tx, sessionId, by)).catch(() => undefined);
    // One that stood still for long finds that another one has done it, and the events gone while it reads them.
    const after = await findSession(store.db, sessionId).catch(() => undefined);
    if (after !== undefined && after.firstSeq !== firstSeq) return { outcome: "taken" };
    throw error;
  }
}

/** What `archiveNext` would do with a session, batch by batch, without doing it. */
export async function* previewArchive(
  db: Database,
  sessionId: string,
  before: string,
): AsyncGenerator<{ readonly firstSeq: number; readonly lastSeq: number }> {
  const session = await findSession(db, sessionId);
  if (session === undefined) throw new Error(`There is no session ${sessionId} in the database.`);
  let { firstSeq } = session;
  const planned = (await findArchive(db, sessionId))?.plannedSeq;
  for (;;) {
    const isResumed = planned !== undefined && planned >= firstSeq;
    const lastSeq = isResumed ? planned : (await findBatch(db, { sessionId, firstSeq, before })).lastSeq;
    if (lastSeq === undefined) return;
    yield { firstSeq, lastSeq };
    firstSeq = lastSeq + 1;
  }
}

/** Whether an error is about one session only, so that others can be archived all the same. */
export function concernsOneSession(error: unknown): boolean {
  return error instanceof ArchiveConflict || error instanceof BrokenLog;
}

class BrokenLog extends Error {
  override readonly name = "BrokenLog";
}

/** A batch's events on their way to the file: held against the hash chain, and counted. */
class BatchReading {
  readonly #db: Database;
  readonly #batch: ClaimedBatch;
  readonly #counts: Record<string, number> = {};
  #firstAt = "";
  #lastAt = "";
  #hash: string;
  #seq: number;

  constructor(db: Database, batch: ClaimedBatch) {
    this.#db = db;
    this.#batch = batch;
    this.#hash = batch.previousHash;
    this.#seq = batch.firstSeq - 1;
  }

  get events(): ArchivedEvents {
    return { lastHash: this.#hash, counts: this.#counts, firstAt: this.#firstAt, lastAt: this.#lastAt };
  }

  async *lines(): AsyncGenerator<string> {
    const { sessionId, lastSeq } = this.#batch;
    while (this.#seq < lastSeq) {
      const limit = Math.min(pageSize, lastSeq - this.#seq);
      const page = await readEvents(this.#db, sessionId, this.#seq, limit);
      let text = "";
      for (const event of page) {
        this.#take(event);
        text += `${logEntry(event)}\n`;
      }
      if (page.length < limit) this.#break(this.#seq + 1, "is not there");
      yield text;
    }
  }

  #take(event: { seq: number; text: string; hash: string; type: string; at: string }): void {
    if (event.seq !== this.#seq + 1) this.#break(this.#seq + 1, "is not there");
    if (event.hash !== eventHash(this.#hash, event.text)) this.#break(event.seq, "does not fit its hash");
    this.#seq = event.seq;
    this.#hash = event.hash;
    this.#firstAt ||= event.at;
    this.#lastAt = event.at;
    this.#counts[event.type] = (this.#counts[event.type] ?? 0) + 1;
  }

  #break(seq: number, problem: string): never {
    const { sessionId } = this.#batch;
    throw new BrokenLog(
      `Event ${seq} of session ${sessionId} ${problem}, so nothing of its log is archived. paygent verify ${sessionId} tells more.`,
    );
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
