import * as z from "zod";
import { type ChainEntry, type Checkpoint, checkChain, type Verification } from "../protocol/hash-chain.ts";
import { readEvents, type StoredEvent, sha256 } from "./event-log.ts";
import { findSession } from "./sessions.ts";
import type { Database } from "./statement.ts";

const pageSize = 500;

/**
 * Verifies the stored events of a session, or of every session there is, one after the other. Each is read
 * as it stood at one moment, so a server may write meanwhile.
 */
export async function* verifySessions(
  db: Database,
  sessionId: string | undefined,
  checkpoint?: Checkpoint,
): AsyncGenerator<Verification> {
  for await (const id of sessionId === undefined ? allSessionIds(db) : [sessionId]) {
    yield await db
      .transaction()
      .setIsolationLevel("repeatable read")
      .execute((tx) => verifySession(tx, id, checkpoint));
  }
}

async function verifySession(tx: Database, id: string, checkpoint: Checkpoint | undefined): Promise<Verification> {
  const session = await findSession(tx, id);
  if (session !== undefined) {
    const head = { seq: session.lastSeq, hash: session.headHash };
    return checkChain(storedEntries(tx, id, session.firstSeq - 1), {
      sessionId: id,
      sha256,
      firstSeq: session.firstSeq,
      head,
      checkpoint,
    });
  }
  const found = await checkChain(storedEntries(tx, id, 0), { sessionId: id, sha256, checkpoint });
  if (found.events === 0 && found.isIntact) throw new Error(`There is no session ${id} in the database.`);
  return {
    ...found,
    isIntact: false,
    brokenAt: 1,
    problem: "The session's row was removed; its events are still there.",
  };
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
