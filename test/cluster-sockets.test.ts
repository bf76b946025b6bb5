import { expect, test } from "vitest";
import { connectWith } from "./support/connect-with.ts";
import { dumping, durableFrames } from "./support/dump.ts";
import { manualClock } from "./support/manual-clock.ts";
import { opcodes, RawSocket } from "./support/raw-socket.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute } from "./support/test-server.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const sockets = 200;

test.skipIf(!isShared)(
  `${sockets} sockets on two nodes are closed when their token expires, those of lasting tokens stay, and nothing is decided after it`,
  async () => {
    const clock = manualClock();
    const nodes = await twoNodes({ clock, model: callingModel() });
    const [one, other] = nodes;
    const { id } = await one.createSession({ approval_threshold_usd: "1" });
    const asker = await one.connect(id);
    const execution = execute(asker, 'pay_service {"service":"news"}');
    const { data } = await asker.first("approval_required", execution);
    const exp = Math.floor(clock.now() / 1000) + 40;
    const expiring = await Promise.all(
      nodes.flatMap((node) => Array.from({ length: sockets / 2 }, () => connectWith(node, id, { sub: "alice", exp }))),
    );
    const lasting = await Promise.all(nodes.map((node) => node.connect(id)));

    clock.advance(41_000);
    const jumpedAt = performance.now();
    for (const client of expiring) {
      client.send({ type: "approve", data: { request_id: data.request_id }, id: "late" });
    }
    const closed = await Promise.all(expiring.map((client) => client.closed));

    expect(performance.now() - jumpedAt).toBeLessThan(5000);
    expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([4401]));
    const { body } = await other.http("GET", "/approvals?status=pending");
    expect(body.data.map(({ request_id }: { request_id: string }) => request_id)).toEqual([data.request_id]);
    for (const client of lasting) {
      client.send({ type: "ping", data: {}, id: "here" });
      expect(await client.answerTo("here")).toMatchObject({ type: "pong" });
    }
  },
  60_000,
);

test.skipIf(!isShared)(
  "a socket that reads nothing on one node is let go with 1013 and delays nobody, there or where the execution runs",
  async () => {
    const clock = manualClock();
    const [one, other] = await twoNodes({ clock, ...dumping() });
    const { id } = await one.createSession();
    const stalled = await RawSocket.open(other, id);
    stalled.socket.pause();
    const near = await one.connect(id);
    const far = await other.connect(id);
    const witness = await RawSocket.open(other, (await other.createSession()).id);

    const execution = execute(near, "dump");
    // Both have all of it while the one beside them has read nothing.
    await Promise.all([near.end(execution), far.end(execution)]);
    clock.advance(26_000);
    // Sockets are looked after in the order in which they came, so the stalled one's turn is over.
    await witness.frame(({ opcode }) => opcode === opcodes.ping);
    stalled.socket.resume();

    expect(await stalled.closeCode()).toBe(1013);
    const seen = durableFrames(stalled.frames.map(({ payload }) => payload.toString()));
    const expected = durableFrames(near.frames);
    expect(durableFrames(far.frames)).toEqual(expected);
    expect(seen.length).toBeLessThan(expected.length);
    expect(seen).toEqual(expected.slice(0, seen.length));
    const back = await one.connect(id, { lastSeq: seen.length });
    await back.end(execution);
    expect(durableFrames(back.frames)).toEqual(expected.slice(seen.length));
    stalled.destroy();
    witness.destroy();
  },
  60_000,
);
