import { afterAll, beforeAll, expect, test } from "vitest";
import { runSql } from "./support/store-fault.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server.remove());

/** Writes an event as another node would whose hint never came. */
async function writeElsewhere(sessionId: string, seq: number): Promise<void> {
  const data = JSON.stringify({
    session_id: sessionId,
    limit: "50.00",
    spent: "0.00",
    reserved: "0.00",
    remaining: "50.00",
  });
  const at = new Date().toISOString();
  await runSql(
    server.database,
    `insert into events (session_id, seq, type, data, at, hash) values ('${sessionId}', ${seq}, 'budget', '${data}', '${at}', '');
     update sessions set last_seq = ${seq} where id = '${sessionId}'`,
  );
}

test("events that a node was not told of come before the next ones that it is told of", async () => {
  const { id } = await server.createSession();
  const clients = await Promise.all([1, 2, 3].map(() => server.connect(id)));
  const [client] = clients;
  if (client === undefined) throw new Error("There is no client.");
  await client.end(execute(client, "check balance"));
  const lastSeq = client.events.at(-1)?.seq ?? 0;

  await writeElsewhere(id, lastSeq + 1);
  await writeElsewhere(id, lastSeq + 2);
  const next = execute(client, "check balance");
  await Promise.all(clients.map((each) => each.end(next)));

  for (const { events } of clients) {
    const seqs = events.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  }
});
