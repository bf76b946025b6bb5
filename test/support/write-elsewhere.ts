import type { TestDatabase } from "./database.ts";
import { runSql } from "./store-fault.ts";

/** Writes an event as another node would whose hint never came. */
export async function writeElsewhere(
  database: TestDatabase,
  sessionId: string,
  seq: number,
  at = new Date().toISOString(),
): Promise<void> {
  const data = JSON.stringify({
    session_id: sessionId,
    limit: "50.00",
    spent: "0.00",
    reserved: "0.00",
    remaining: "50.00",
  });
  await runSql(
    database,
    `insert into events (session_id, seq, type, data, at, hash) values ('${sessionId}', ${seq}, 'budget', '${data}', '${at}', '');
     update sessions set last_seq = ${seq} where id = '${sessionId}'`,
  );
}
