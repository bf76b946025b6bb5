import { randomUUID } from "node:crypto";
import type { ArchiveLine, ArchiveRequest } from "../protocol/archive-line.ts";
import { archiveDue, archiveSession, keptFrom } from "../runtime/retention.ts";
import { type Archiver, openArchive, previewArchive } from "../store/archive.ts";
import { sessionsToArchive } from "../store/archives.ts";
import { openStoreBeside, type Store, type StorePlace } from "../store/database.ts";
import { databaseTime } from "../store/database-time.ts";
import { reclaimSpace } from "../store/reclaim.ts";

/** Archives what is older than so many days, beside the servers that use the store. */
export async function* archiveByHand(place: StorePlace, request: ArchiveRequest): AsyncGenerator<ArchiveLine> {
  const { sessionId, days, archiveDir, isDryRun, signal } = request;
  const store = await openStoreBeside(place);
  try {
    const offset = (await timeOf(store)) - Date.now();
    const now = () => Math.floor(Date.now() + offset);
    const before = keptFrom(now(), days);
    if (isDryRun) return yield* untilAborted(preview(store, sessionId, before), signal);
    const archiver: Archiver = await openArchive({ store, path: archiveDir, by: randomUUID(), now });
    const steps =
      sessionId === undefined ? archiveDue(archiver, before, signal) : archiveSession(archiver, sessionId, before);
    yield* untilAborted(steps, signal);
    await reclaimSpace(store, signal);
  } finally {
    await store.close();
  }
}

async function* untilAborted(lines: AsyncIterable<ArchiveLine>, signal: AbortSignal): AsyncGenerator<ArchiveLine> {
  if (signal.aborted) return;
  for await (const line of lines) {
    yield line;
    if (signal.aborted) return;
  }
}

async function* preview(store: Store, sessionId: string | undefined, before: string): AsyncGenerator<ArchiveLine> {
  const ids =
    sessionId === undefined ? await sessionsToArchive(store.db, before, Number.MAX_SAFE_INTEGER) : [sessionId];
  for (const id of ids) {
    for await (const batch of previewArchive(store.db, id, before)) yield { sessionId: id, outcome: "due", ...batch };
  }
}

/** The time that all servers of the store go by. */
async function timeOf({ dialect, db }: Store): Promise<number> {
  return dialect === "sqlite" ? Date.now() : databaseTime(db);
}
