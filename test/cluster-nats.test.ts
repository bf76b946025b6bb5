import { connect } from "node:net";
import { expect, test } from "vitest";
import { execute, startTestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const natsUrl = process.env.TEST_NATS_URL ?? "nats://127.0.0.1:4222";
const hasNats = isShared && (await answers(new URL(natsUrl)));

function answers({ hostname, port }: URL): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(Number(port), hostname);
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

test.skipIf(!hasNats)("with NATS_URL the hints go over NATS", async () => {
  const [one, other] = await twoNodes({ env: { NATS_URL: natsUrl }, tools: [readTool("look", () => "seen")] });
  const { id } = await one.createSession();
  const near = await one.connect(id, { lastSeq: 0 });
  const far = await other.connect(id, { lastSeq: 0 });

  const executions = Array.from({ length: 10 }, () => execute(near, "look {}"));
  await Promise.all([near, far].flatMap((client) => executions.map((execution) => client.end(execution))));

  const [first, second] = [near, far].map(({ frames, events }) =>
    frames.filter((_, index) => events[index]?.seq !== undefined),
  );
  expect(second).toEqual(first);
});

test("a NATS server that is not there without a database is refused", async () => {
  await expect(startTestServer({ env: { NATS_URL: "nats://127.0.0.1:1", DATABASE_URL: "" } })).rejects.toThrow(
    "set DATABASE_URL too",
  );
});

test.skipIf(!isShared)("a NATS server that cannot be reached ends the start with a sentence", async () => {
  await expect(twoNodes({ env: { NATS_URL: "nats://127.0.0.1:1", PAYGENT_START_TIMEOUT_S: "0" } })).rejects.toThrow(
    "The NATS server at NATS_URL cannot be reached.",
  );
});
