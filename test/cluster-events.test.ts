import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { openBus } from "../src/cluster/open-bus.ts";
import { openStore } from "../src/store/database.ts";
import type { StoredEvent } from "../src/store/event-log.ts";
import { ask } from "./support/ask.ts";
import { testDatabase } from "./support/database.ts";
import { dataOf } from "./support/events-of.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { runSql } from "./support/store-fault.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";
import { writeElsewhere } from "./support/write-elsewhere.ts";

/** So long that what comes in time came by hints. */
const neverMs = 600_000;

function durableFrames(client: TestClient): string[] {
  return client.frames.filter((_, index) => client.events[index]?.seq !== undefined);
}

test.skipIf(!isShared)("hints bring sockets on either node the same events, byte for byte", async () => {
  const [one, other] = await twoNodes({ pollMs: neverMs, tools: [readTool("look", () => "seen")] });
  const { id } = await one.createSession();
  const clients = await Promise.all([one, other, one, other].map((node) => node.connect(id, { lastSeq: 0 })));
  const run = async (index: number) => {
    const execution = execute(clients[index % 4] as TestClient, "look {}");
    await Promise.all(clients.map((client) => client.end(execution)));
  };
  // The first node was alone when it last looked; a hint tells it of the other.
  await run(1);

  await Promise.all(Array.from({ length: 20 }, (_, index) => run(index)));

  const [first = [], ...others] = clients.map(durableFrames);
  expect(first.length).toBeGreaterThan(20 * 5);
  for (const frames of others) expect(frames).toEqual(first);
});

test.skipIf(!isShared)("live text reaches the other node between the events that it belongs to", async () => {
  const model = scriptedModel(async (_request, { onText }) => {
    for (const delta of ["one ", "two ", "three"]) onText(delta);
    return { text: "one two three" };
  });
  const [one, other] = await twoNodes({ model });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);
  const deltas = () => far.events.filter(({ type }) => type === "text_delta").length;
  const run = async () => {
    const execution = execute(near, "talk");
    await Promise.all([near.end(execution), far.end(execution)]);
  };
  // Live text is a preview, and the first of it may come before the nodes have heard of each other.
  while (deltas() === 0) await run();

  const ends = far.events.flatMap(({ type }, index) => (type === "complete" ? [index] : []));
  for (const end of ends) expect(["execution_started", undefined]).toContain(far.events[end + 1]?.type);
});

test.skipIf(!isShared)("a node whose hints are cut off looks for what it missed as soon as they are back", async () => {
  const [one, other] = await twoNodes({ pollMs: neverMs });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);

  for (let round = 0; round < 5; round++) {
    await runSql(
      one.database,
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'paygent hints'",
    );
    const execution = execute(near, "check_balance {}");
    await Promise.all([near.end(execution), far.end(execution)]);
  }

  const seqs = far.events.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
});

test.skipIf(!isShared)("what no hint told of is found by looking into the log", async () => {
  const [one] = await twoNodes({ pollMs: 100 });
  const { id } = await one.createSession();
  const client = await one.connect(id);

  for (const seq of [1, 2]) {
    await writeElsewhere(one.database, id, seq);
    await client.find((event) => event.seq === seq);
  }
});

test.skipIf(!isShared)("whoever follows a session from its last event on is told of nothing before", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.remove());
  const server = await serverForTest({ database });
  const { id } = await server.createSession();
  for (const seq of [1, 2]) await writeElsewhere(database, id, seq);
  const databaseUrl = database.env.DATABASE_URL ?? "";
  const store = await openStore({ url: databaseUrl });
  onTestFinished(() => store.close());
  const given = {
    nodeId: "watching",
    natsUrl: undefined,
    startTimeoutMs: 0,
    log: pino({ level: "silent" }),
    pollMs: 20,
  };
  const bus = await openBus({ ...given, store, databaseUrl });
  onTestFinished(() => bus.close());
  const follow = (lastSeq: number) => {
    const seen: number[] = [];
    const onEvents = (events: readonly StoredEvent[]) => void seen.push(...events.map(({ seq }) => seq));
    return { seen, unsubscribe: bus.subscribe(id, { onEvents, onDelta: () => undefined }, lastSeq) };
  };

  const fromStart = follow(0);
  await expect.poll(() => fromStart.seen).toEqual([1, 2]);
  fromStart.unsubscribe();
  const fromNow = follow(2);
  await writeElsewhere(database, id, 3);
  await expect.poll(() => fromNow.seen.at(-1)).toBe(3);

  expect(fromNow.seen).toEqual([3]);
});

test.skipIf(!isShared)("what others say on the nodes' channel is ignored", async () => {
  const [one, other] = await twoNodes({ tools: [readTool("look", () => "seen")] });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);

  for (const text of ["garbage", "null", '{"from":"me"}', '{"heads":{"x":1}}'])
    await runSql(one.database, `select pg_notify('paygent', '${text}')`);

  const execution = execute(near, "look {}");
  for (const client of [near, far])
    expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
});

test.skipIf(!isShared)("a decision on one node resumes what was asked on the other", async () => {
  const [one, other] = await twoNodes();
  const { id } = await one.createSession({ approval_threshold_usd: "1" });
  const near = await one.connect(id);
  const far = await other.connect(id);
  const execution = execute(near, 'pay_service {"service":"news"}');
  const { data } = await far.first("approval_required", execution);

  await ask(far, "approve", { request_id: data.request_id });

  expect(await near.end(execution)).toMatchObject({
    type: "complete",
    data: { success: true, total_cost: "2.00 USD" },
  });
  expect(dataOf(near, execution, "approved")).toHaveLength(1);
});
