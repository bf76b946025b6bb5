import { afterAll, beforeAll, expect, test } from "vitest";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { writeElsewhere } from "./support/write-elsewhere.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server.remove());

test("events that a node was not told of come before the next ones that it is told of", async () => {
  const { id } = await server.createSession();
  const clients = await Promise.all([1, 2, 3].map(() => server.connect(id)));
  const [client] = clients;
  if (client === undefined) throw new Error("There is no client.");
  await client.end(execute(client, "check balance"));
  const lastSeq = client.events.at(-1)?.seq ?? 0;

  await writeElsewhere(server.database, id, lastSeq + 1);
  await writeElsewhere(server.database, id, lastSeq + 2);
  const next = execute(client, "check balance");
  await Promise.all(clients.map((each) => each.end(next)));

  for (const { events } of clients) {
    const seqs = events.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  }
});
