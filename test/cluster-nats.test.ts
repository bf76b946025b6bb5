import { afterAll, expect, test } from "vitest";
import { startNats } from "./chaos/processes.ts";
import { scriptedModel } from "./support/scripted-model.ts";
import { execute, startTestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const nats = isShared ? await startNats() : undefined;
const canOwnNats = nats !== undefined;
/** So long that what comes in time came by hints. */
const pollMs = 600_000;
const env = { NATS_URL: nats?.url ?? "" };

afterAll(() => nats?.stop());

test.skipIf(!canOwnNats)("with NATS_URL the hints go over NATS", async () => {
  const [one, other] = await twoNodes({ env, pollMs, tools: [readTool("look", () => "seen")] });
  const { id } = await one.createSession();
  const near = await one.connect(id, { lastSeq: 0 });
  const far = await other.connect(id, { lastSeq: 0 });
  const run = async (client: typeof near) => {
    const execution = execute(client, "look {}");
    await Promise.all([near, far].map((each) => each.end(execution)));
  };
  // The first node was alone when it last looked; a hint tells it of the other.
  await run(far);

  await Promise.all(Array.from({ length: 10 }, () => run(near)));

  const [first, second] = [near, far].map(({ frames, events }) =>
    frames.filter((_, index) => events[index]?.seq !== undefined),
  );
  expect(second).toEqual(first);
});

test.skipIf(!canOwnNats)("live text goes over NATS", async () => {
  const seen = Promise.withResolvers<void>();
  const model = scriptedModel(async (_request, { onText }) => {
    onText("live");
    // Live text that comes after the next event is left out.
    await seen.promise;
    return { text: "live" };
  });
  const [one, other] = await twoNodes({ env, pollMs, model });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);

  const execution = execute(far, "talk");
  const live = await near.first("text_delta", execution);
  seen.resolve();

  expect(live.data.delta).toBe("live");
  await near.end(execution);
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
