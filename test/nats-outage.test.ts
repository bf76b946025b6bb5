import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { startNats } from "./chaos/processes.ts";
import { paygent } from "./support/command-line.ts";
import { testDatabase } from "./support/database.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

vi.setConfig({ testTimeout: 60_000 });

const nats = isShared ? await startNats() : undefined;
const canOwnNats = nats !== undefined;
if (isShared && !canOwnNats)
  process.stderr.write("No NATS server is installed: tests that stop one of their own are skipped.\n");
const url = nats?.url ?? "";
const tools = [readTool("look", () => "seen")];

afterAll(() => nats?.stop());

async function untilConnected(server: TestServer, state: "ok" | "failed"): Promise<void> {
  const look = async () => {
    // The server answers with what its description says.
    const { checks } = (await (await fetch(`${server.url}/health/ready`)).json()) as { checks: { bus: string } };
    return checks.bus;
  };
  await expect.poll(look, { interval: 50, timeout: 20_000 }).toBe(state);
}

const seqsOf = ({ events }: TestClient) => events.flatMap(({ seq }) => seq ?? []);

test.skipIf(!canOwnNats)(
  "a NATS server that is gone for a while costs time and no event, and is used again",
  async () => {
    const [one, other] = await twoNodes({ env: { NATS_URL: url }, tools });
    const { id } = await one.createSession();
    const near = await one.connect(id, { lastSeq: 0 });
    const far = await other.connect(id, { lastSeq: 0 });
    const both = async (execution: string) => {
      for (const client of [near, far]) expect(await client.end(execution)).toMatchObject({ type: "complete" });
    };
    await both(execute(near, "look {}"));

    await nats?.down();
    for (const server of [one, other]) await untilConnected(server, "failed");
    await both(execute(near, "look {}"));
    await both(execute(far, "look {}"));
    await nats?.up();
    for (const server of [one, other]) await untilConnected(server, "ok");

    await both(execute(near, "look {}"));
    for (const client of [near, far]) {
      expect(seqsOf(client)).toEqual(seqsOf(client).map((_, index) => index + 1));
      expect(client.socket.readyState).toBe(client.socket.OPEN);
    }
  },
);

test.skipIf(!canOwnNats)(
  "a NATS server that is silent counts as gone, holds up nobody, and is used again",
  async () => {
    const [one, other] = await twoNodes({ env: { NATS_URL: url }, pollMs: 600_000, tools });
    const leaving = await startTestServer({ env: { NATS_URL: url }, tools });
    const { id } = await one.createSession();
    const near = await one.connect(id);
    const far = await other.connect(id);
    onTestFinished(() => nats?.resume());

    nats?.pause();
    for (const server of [one, other]) await untilConnected(server, "failed");
    const startedAt = performance.now();
    await leaving.remove();
    const leftAfterMs = performance.now() - startedAt;
    nats?.resume();
    for (const server of [one, other]) await untilConnected(server, "ok");

    expect(leftAfterMs).toBeLessThan(5000);
    expect(await far.end(execute(near, "look {}"))).toMatchObject({ type: "complete" });
  },
);

test.skipIf(!canOwnNats)("a server that may not listen to its subject over NATS says so, until it may", async () => {
  const folder = mkdtempSync(join(tmpdir(), "paygent-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "nats.conf");
  const allow = (subject: string) =>
    writeFileSync(
      config,
      `authorization { users = [{ user: bob, password: pass, permissions: { subscribe: "${subject}" } }] }`,
    );
  allow("other");
  const guarded = await startNats(["-c", config]);
  onTestFinished(() => guarded?.stop());

  const server = await startTestServer({ env: { NATS_URL: guarded?.url.replace("//", "//bob:pass@") ?? "" } });
  onTestFinished(() => server.remove());
  await untilConnected(server, "failed");
  allow(">");
  await guarded?.restart();

  await untilConnected(server, "ok");
});

test.skipIf(!canOwnNats)("a NATS server that comes up while a start waits for it is used", async () => {
  await nats?.down();
  const waiting = Promise.withResolvers<string>();
  const logger = pino({ level: "warn" }, { write: (line) => waiting.resolve(JSON.parse(line).msg) });

  const starting = startTestServer({ env: { NATS_URL: url }, logger, tools });
  expect(await waiting.promise).toBe("the NATS server cannot be reached; trying for 30 seconds");
  await nats?.up();

  const server = await starting;
  onTestFinished(() => server.remove());
  await untilConnected(server, "ok");
});

test.skipIf(!isShared)("a NATS server that stays away ends the start with a sentence and an exit code", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.remove());

  const { code, err } = await paygent(["start"], {
    ...database.env,
    NATS_URL: "nats://127.0.0.1:9",
    PORT: "0",
    PAYGENT_DATA_DIR: database.dataDir,
    PAYGENT_START_TIMEOUT_S: "1",
  });

  expect(code).toBe(1);
  expect(err).toContain("The NATS server at NATS_URL cannot be reached. Start it, correct NATS_URL, or unset it");
});
