import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ask } from "./support/ask.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { spawnServer } from "./support/server-spawn.ts";
import { skewedEnv } from "./support/skew.ts";
import { runSql } from "./support/store-fault.ts";
import { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

vi.setConfig({ testTimeout: 60_000 });

const leaseMs = 2000;
/** How far an answer may be from the right time for reasons other than clocks. */
const toleranceMs = 30_000;

describe.skipIf(!isShared).each([300, -300])(
  "a server whose clock is off by %i seconds, beside one that is right,",
  (seconds) => {
    let database: TestDatabase;
    let right: ServerProcess;
    let off: ServerProcess;

    const start = (env: Readonly<Record<string, string>> = {}) =>
      spawnServer(database, "faulty", { TEST_WORLD: "fake", TEST_LEASE_MS: String(leaseMs), ...env });

    beforeAll(async () => {
      database = await testDatabase();
      right = await start();
      off = await start(skewedEnv(seconds));
    });

    afterAll(async () => {
      await Promise.all([right, off].map((server) => server.kill()));
      await database.remove();
    });

    /** Fails when a condition does not hold of the database. */
    const expectRow = (condition: string) =>
      runSql(database, `do $$ begin if not coalesce((${condition}), false) then raise 'not so'; end if; end $$`);

    test("really has another time", async () => {
      const dates = await Promise.all(
        [right, off].map(async (server) => (await fetch(server.url)).headers.get("date")),
      );
      const [first = 0, second = 0] = dates.map((date) => Date.parse(date ?? ""));

      expect(second - first).toBeGreaterThan(seconds * 1000 - toleranceMs);
      expect(second - first).toBeLessThan(seconds * 1000 + toleranceMs);
    });

    test("takes nothing over that is alive, and keeps what it works on", async () => {
      const executions = [];
      for (const server of [right, off]) {
        const { id } = await server.createSession();
        const client = await server.connect(id);
        executions.push({ client, execution: execute(client, 'wait {"seconds":3}') });
      }

      for (const { client, execution } of executions) {
        expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
        // Each takeover would have raised the fencing number.
        await expectRow(`select fence = 1 from executions where id = '${execution}'`);
      }
    });

    test("asks and expires at the right time, whichever server looks", async () => {
      for (const [asking, looking] of [
        [right, off],
        [off, right],
      ] as const) {
        const long = await asking.createSession({ approval_threshold_usd: "1", approval_timeout_s: 60 });
        const short = await asking.createSession({ approval_threshold_usd: "1", approval_timeout_s: 2 });
        const asker = await asking.connect(long.id);
        const { data } = await asker.first("approval_required", execute(asker, 'pay_service {"service":"news"}'));
        const watcher = await looking.connect(short.id, { lastSeq: 0 });
        const expirer = await asking.connect(short.id);
        const sentAt = Date.now();
        execute(expirer, 'pay_service {"service":"news"}');

        await watcher.first("approval_expired");

        expect(Date.now() - sentAt).toBeGreaterThanOrEqual(2000);
        expect(Math.abs(Date.parse(data.expires_at) - Date.now() - 60_000)).toBeLessThan(toleranceMs);
        const looker = await looking.connect(long.id);
        const answer = await ask(looker, "approve", { request_id: data.request_id });
        expect(answer).toMatchObject({ type: "approved" });
      }
    });

    test("stamps events with the time that the other one does", async () => {
      const { id } = await right.createSession();
      const clients = [await right.connect(id, { lastSeq: 0 }), await off.connect(id)];

      for (const client of [...clients, ...clients]) await client.end(execute(client, "look {}"));

      const times =
        clients[0]?.events.flatMap(({ seq, timestamp }) => (seq === undefined ? [] : Date.parse(timestamp))) ?? [];
      expect(times.length).toBeGreaterThan(16);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThan(toleranceMs);
      expect(Math.abs(Math.max(...times) - Date.now())).toBeLessThan(toleranceMs);
    });

    test("takes the other's tickets, and makes such as it takes", async () => {
      const { id } = await right.createSession();

      for (const [making, taking] of [
        [right, off],
        [off, right],
      ] as const) {
        const { body } = await making.http("POST", "/tickets", { body: { session_id: id } });
        const client = new TestClient(
          `${taking.url.replace("http", "ws")}/api/v1/ws?session_id=${id}&token=${body.ticket}`,
          {},
        );
        expect(await client.first("connected")).toMatchObject({ data: { session_id: id } });
        await client.close();
      }
    });

    test("lets in whose token holds by the right time, and nobody else", async () => {
      const now = Math.floor(Date.now() / 1000);
      const statusWith = async (server: ServerProcess, exp: number) => {
        const authorization = `Bearer ${await server.token("alice", { exp })}`;
        return (await fetch(`${server.url}/api/v1/sessions`, { headers: { authorization } })).status;
      };

      for (const server of [right, off]) {
        expect(await statusWith(server, now + 120)).toBe(200);
        expect(await statusWith(server, now - 120)).toBe(401);
      }
    });

    test("gives the same answer to an idempotency key, and forgets it when the other would", async () => {
      const post = async (server: ServerProcess, key: string) => {
        const headers = {
          authorization: `Bearer ${await server.token()}`,
          "content-type": "application/json",
          "idempotency-key": key,
        };
        const response = await fetch(`${server.url}/api/v1/sessions`, { method: "POST", headers, body: "{}" });
        return ((await response.json()) as { id: string }).id;
      };
      const key = randomUUID();
      expect(await post(off, key)).toBe(await post(right, key));
      // Answers are kept for a day; these are two minutes younger and older than that.
      const age = (name: string, minutes: number) =>
        `insert into idempotency_keys (user_id, key, request_hash, status, response, created_at)
       values ('alice', '${name}', '', 200, '{}', to_char((clock_timestamp() - interval '1 day' + interval '${minutes} minutes')
         at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`;
      await runSql(database, `${age("young", 2)}; ${age("old", -2)}`);

      // A server tidies up when it starts.
      const third = await start(skewedEnv(seconds));

      await third.kill();
      await expectRow("select count(*) = 1 from idempotency_keys where key = 'young'");
      await expectRow("select count(*) = 0 from idempotency_keys where key = 'old'");
    });

    test("takes over when the other is killed, and is taken over, when the lease is over", async () => {
      for (const victim of ["right", "off"] as const) {
        const [dying, heir] = victim === "right" ? [right, off] : [off, right];
        const { id } = await dying.createSession();
        const client = await heir.connect(id, { lastSeq: 0 });
        const execution = execute(await dying.connect(id), 'wait {"seconds":1} && look {}');
        await client.first("tool_call", execution);

        await dying.kill();

        expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
        await expectRow(`select fence = 2 from executions where id = '${execution}'`);
        if (victim === "right") right = await start();
      }
    });
  },
);
