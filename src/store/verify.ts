import { join } from "node:path";
import * as z from "zod";
import { type ChainEntry, type Checkpoint, checkChain, type Verification } from "../protocol/hash-chain.ts";
import { Id } from "../protocol/ids.ts";
import { findArchive } from "./archives.ts";
import { genesisHash, readEvents, type StoredEvent, sha256 } from "./event-log.ts";
import { findSession } from "./sessions.ts";
import type { Database } from "./statement.ts";
import { sessionsIn, wholeLog } from "./verify-archive.ts";

const pageSize = 500;

export interface VerifyOptions {
  /** Events that logs must have, by session. */
  readonly checkpoints?: ReadonlyMap<string, Checkpoint>;
  /** The folder that holds what was archived; without it what is in the database is checked alone. */
  readonly archive?: string | undefined;
}

/**
 * Verifies the events of a session, or of every session there is, one after the other: those that were archived
 * and those in the database as one log. Each session is read as it stood at one moment, so a server may write
 * meanwhile.
 */
export async function* verifySessions(
  db: Database,
  sessionId: string | undefined,
  options: VerifyOptions = {},
): AsyncGenerator<Verification> {
  for await (const id of sessionId === undefined ? allSessionIds(db) : [sessionId]) {
    yield await db
      .transaction()
      .setIsolationLevel("repeatable read")
      .execute((tx) => verifySession(tx, id, options));
  }
  if (sessionId === undefined && options.archive !== undefined) yield* lostSessions(db, options.archive);
}

async function verifySession(
  tx: Database,
  sessionId: string,
  { checkpoints, archive }: VerifyOptions,
): Promise<Verification> {
  const checkpoint = checkpoints?.get(sessionId);
  const session = await findSession(tx, sessionId);
  if (session !== undefined) {
    const { firstSeq, lastSeq, headHash } = session;
    const ends = { sessionId, sha256, head: { seq: lastSeq, hash: headHash }, checkpoint };
    const kept = storedEntries(tx, sessionId, firstSeq - 1);
    if (archive !== undefined) {
      return checkChain(wholeLog(join(archive, sessionId), { sessionId, firstSeq, kept }), ends);
    }
    const previousHash = (await findArchive(tx, sessionId))?.lastHash;
    return checkChain(kept, { ...ends, firstSeq, previousHash });
  }
  const found = await checkChain(storedEntries(tx, sessionId, 0), { sessionId, sha256, checkpoint });
  if (found.events === 0 && found.isIntact) throw new Error(`There is no session ${sessionId} in the database.`);
  return {
    ...found,
    isIntact: false,
    brokenAt: 1,
    problem: "The session's row was removed; its events are still there.",
  };
}

/** Sessions of which nothing but archived events is left. */
async function* lostSessions(db: Database, archive: string): AsyncGenerator<Verification> {
  for (const sessionId of await sessionsIn(archive)) {
    // A disk may have folders of its own, such as lost+found.
    if (!Id.safeParse(sessionId).success || (await findSession(db, sessionId)) !== undefined) continue;
    const problem = "The archive has events of this session, but the database does not know it: it was removed.";
    yield { sessionId, isIntact: false, events: 0, lastSeq: 0, headHash: genesisHash(sessionId), brokenAt: 1, problem };
  }
}

async function* storedEntries(tx: Database, sessionId: string, afterSeq: number): AsyncGenerator<ChainEntry> {
  let page: StoredEvent[];
  do {
    page = await readEvents(tx, sessionId, afterSeq, pageSize);
    for (const event of page) yield { ...event, flaw: columnFlaw(event) };
    afterSeq = page.at(-1)?.seq ?? afterSeq;
  } while (page.length === pageSize);
}

const Attribution = z.object({ data: z.object({ session_id: z.string(), execution_id: z.string().optional() }) });

/** The columns that are not hashed repeat what the hashed text says. One that says nothing of it was altered. */
function columnFlaw({ seq, text, sessionId, executionId }: StoredEvent): string | undefined {
  const told = attributionOf(text);
  if (told === undefined) return `Event ${seq} was altered: it does not tell of a session any more.`;
  const { data } = told;
  if (data.session_id === sessionId && data.execution_id === executionId) return undefined;
  return `Event ${seq} was moved: it is stored under another session or execution than it tells of.`;
}

function attributionOf(text: string): z.infer<typeof Attribution> | undefined {
  try {
    return Attribution.parse(JSON.parse(text));
  } catch {
    // Not JSON, or of another shape: either way nothing that was written here.
    return undefined;
  }
}

/** The ids of all sessions, and then of those of which only events are left. */
async function* allSessionIds(db: Database): AsyncGenerator<string> {
  yield* everyPage((after) =>
    db.selectFrom("sessions").select("id").where("id", ">", after).orderBy("id").limit(pageSize).execute(),
  );
  yield* everyPage((after) =>
    db
      .selectFrom("events")
      .select("session_id as id")
      .distinct()
      .where("session_id", ">", after)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom("sessions").select("sessions.id").whereRef("sessions.id", "=", "events.session_id"))),
      )
      .orderBy("session_id")
      .limit(pageSize)
      .execute(),
  );
}

async function* everyPage(read: (after: string) => Promise<readonly { id: string }[]>): AsyncGenerator<string> {
  let page: readonly { id: string }[];
  let last = "";
  do {
    page = await read(last);
    for (const { id } of page) yield id;
    last = page.at(-1)?.id ?? last;
  } while (page.length === pageSize);
}
