import { added, findArchive } from "./archives.ts";
import { readEventRows, type StoredEvent } from "./event-log.ts";
import type { Database } from "./statement.ts";

export interface LogFilter {
  readonly sessionId: string;
  readonly executionId: string | undefined;
  readonly type: string | undefined;
  /** ISO times; `from` is included, `to` is not. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly afterSeq: number;
  readonly limit: number;
}

/** The events of a session that a filter lets through, in order. */
export async function readLog(db: Database, filter: LogFilter): Promise<StoredEvent[]> {
  const { executionId, type, from, to } = filter;
  let query = db
    .selectFrom("events")
    .selectAll()
    .where("session_id", "=", filter.sessionId)
    .where("seq", ">", filter.afterSeq);
  if (executionId !== undefined) query = query.where("execution_id", "=", executionId);
  if (type !== undefined) query = query.where("type", "=", type);
  if (from !== undefined) query = query.where("at", ">=", from);
  if (to !== undefined) query = query.where("at", "<", to);
  return readEventRows(await query.orderBy("seq").limit(filter.limit).execute());
}

/** How many events of each type a session has, archived ones included, and when the first and the last were written. */
export async function countEvents(
  db: Database,
  sessionId: string,
): Promise<{ events: Record<string, number>; firstAt: string | undefined; lastAt: string }> {
  for (;;) {
    const archive = await findArchive(db, sessionId);
    const kept = await countKept(db, sessionId);
    // What is archived between the two looks would be counted in neither.
    if ((await findArchive(db, sessionId))?.lastSeq !== archive?.lastSeq) continue;
    return {
      events: added(archive?.counts ?? {}, kept.events),
      firstAt: archive?.firstAt ?? kept.firstAt,
      lastAt: kept.lastAt ?? archive?.lastAt ?? "",
    };
  }
}

async function countKept(db: Database, sessionId: string) {
  const rows = await db
    .selectFrom("events")
    .select(({ fn }) => [
      "type",
      fn.countAll().as("count"),
      fn.min<string>("at").as("firstAt"),
      fn.max<string>("at").as("lastAt"),
    ])
    .where("session_id", "=", sessionId)
    .groupBy("type")
    .execute();
  const firstAts = rows.map((row) => row.firstAt).sort();
  const lastAts = rows.map((row) => row.lastAt).sort();
  return {
    events: Object.fromEntries(rows.map((row) => [row.type, Number(row.count)])),
    firstAt: firstAts[0],
    lastAt: lastAts.at(-1),
  };
}
