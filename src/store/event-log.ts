import { hash } from "node:crypto";
import type { Insertable } from "kysely";
import { genesisText, linkText } from "../protocol/hash-chain.ts";
import { change, type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** A durable event as stored: `text` is its frame on the wire, the same bytes for every client and for ever. */
export interface StoredEvent {
  readonly seq: number;
  readonly sessionId: string;
  readonly executionId: string | undefined;
  readonly type: string;
  readonly at: string;
  readonly text: string;
  readonly hash: string;
}

type EventRow = Insertable<Tables["events"]>;

/** The frame that the columns of a row stand for. */
export function eventText(row: Pick<EventRow, "type" | "data" | "at" | "seq" | "ref">): string {
  const ref = row.ref === null ? "" : `,"ref":${JSON.stringify(row.ref)}`;
  return `{"type":"${row.type}","data":${row.data},"timestamp":"${row.at}","seq":${row.seq}${ref}}`;
}

export function sha256(text: string): string {
  return hash("sha256", text);
}

/** The hash that an event has behind the one whose hash is `previous`. */
export function eventHash(previous: string, text: string): string {
  return sha256(linkText(previous, text));
}

/** An event with its link of the chain, as `GET /logs` and archives have it: the hash is over the bytes before it. */
export function logEntry({ text, hash: link }: Pick<StoredEvent, "text" | "hash">): string {
  return `${text.slice(0, -1)},"hash":"${link}"}`;
}

/** What stands before a session's first event. */
export function genesisHash(sessionId: string): string {
  return sha256(genesisText(sessionId));
}

function storedEvent(row: EventRow): StoredEvent {
  return {
    seq: Number(row.seq),
    sessionId: row.session_id,
    executionId: row.execution_id ?? undefined,
    type: row.type,
    at: row.at,
    text: eventText(row),
    hash: row.hash,
  };
}

export function readEventRows(rows: readonly EventRow[]): StoredEvent[] {
  return rows.map(storedEvent);
}

const columns = ["session_id", "seq", "execution_id", "type", "data", "at", "ref", "hash"] as const;

/** Statements that insert so many events at once, bound to their columns row by row; a unit rarely has more. */
const inserts = [1, 2, 3, 4, 5, 6].map((count) =>
  change<Record<string, unknown>>((db, param) => {
    const row = (index: number) => columns.map((column, at) => [column, param(`${index * columns.length + at}`)]);
    // Each placeholder stands for a value of its column.
    const rows = Array.from({ length: count }, (_, index) => Object.fromEntries(row(index)) as EventRow);
    return db.insertInto("events").values(rows);
  }),
);

export interface EventDraft {
  readonly executionId: string | null;
  readonly type: string;
  /** JSON. */
  readonly data: string;
  readonly at: string;
  readonly ref: string | null;
}

/** Appends events behind `head` (the session's last seq and hash); the caller holds the session's row. */
export async function appendEvents(
  tx: Database,
  sessionId: string,
  head: { seq: number; hash: string },
  drafts: readonly EventDraft[],
): Promise<StoredEvent[]> {
  let { seq, hash: previous } = head;
  const rows = drafts.map((draft): EventRow => {
    seq += 1;
    const row = {
      session_id: sessionId,
      seq,
      execution_id: draft.executionId,
      type: draft.type,
      data: draft.data,
      at: draft.at,
      ref: draft.ref,
    };
    previous = eventHash(previous, eventText(row));
    return { ...row, hash: previous };
  });
  const insert = inserts[rows.length - 1];
  if (insert !== undefined) await insert(tx, { ...rows.flatMap((row) => columns.map((column) => row[column])) });
  else await tx.insertInto("events").values(rows).execute();
  return rows.map(storedEvent);
}

const selectAfter = statement<{ sessionId: string; afterSeq: number; limit: number }, EventRow>(
  (db, param) =>
    db
      .selectFrom("events")
      .selectAll()
      .where("session_id", "=", param("sessionId"))
      .where("seq", ">", param("afterSeq"))
      .orderBy("seq")
      .limit(param("limit")),
  { isBulky: true },
);

/** A session's events after `afterSeq`, in order. */
export async function readEvents(
  db: Database,
  sessionId: string,
  afterSeq: number,
  limit: number,
): Promise<StoredEvent[]> {
  return (await selectAfter(db, { sessionId, afterSeq, limit })).map(storedEvent);
}

const selectOfExecution = statement<{ executionId: string; afterSeq: number }, EventRow>(
  (db, param) =>
    db
      .selectFrom("events")
      .selectAll()
      .where("execution_id", "=", param("executionId"))
      .where("seq", ">", param("afterSeq"))
      .orderBy("seq"),
  { isBulky: true },
);

/** An execution's events after `afterSeq`, in order. */
export async function readExecutionEvents(db: Database, executionId: string, afterSeq: number): Promise<StoredEvent[]> {
  return (await selectOfExecution(db, { executionId, afterSeq })).map(storedEvent);
}
