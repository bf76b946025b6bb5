import { randomUUID } from "node:crypto";
import { SessionConfig } from "../../src/protocol/session-config.ts";
import { archiveDue } from "../../src/runtime/retention.ts";
import { openArchive } from "../../src/store/archive.ts";
import { openStore, type Store } from "../../src/store/database.ts";
import { genesisHash } from "../../src/store/event-log.ts";
import { newExecution } from "../../src/store/executions.ts";
import { insertSession } from "../../src/store/sessions.ts";
import { commitUnit } from "../../src/store/unit.ts";
import { testDatabase } from "../../test/support/database.ts";
import { median } from "../measure.ts";
import type { Scenario } from "../scenario.ts";

const sessions = 40;
const executions = 60;
/** Of an execution: a beginning, an end, and calls with results of a few hundred bytes between them. */
const calls = 3;
const longAgo = Date.parse("2020-01-01T00:00:00.000Z");
const result = "x".repeat(600);

/** How fast old events go from the database into files, one batch behind the other without a pause. */
export const archive: Scenario = {
  name: "archive",
  async runAlone(databaseUrl) {
    const database = await testDatabase(databaseUrl ?? "");
    const url = database.env.DATABASE_URL;
    const store = await openStore(url === undefined ? { dataDir: database.dataDir } : { url });
    try {
      for (let count = 0; count < sessions; count++) await fill(store);
      const path = `${database.dataDir}/archive`;
      const archiver = await openArchive({ store, path, by: randomUUID(), now: Date.now });
      const before = new Date().toISOString();
      const batches: number[] = [];
      let events = 0;
      const from = performance.now();
      let begunAt = from;
      for await (const step of archiveDue(archiver, before, new AbortController().signal)) {
        const endedAt = performance.now();
        if (step.outcome === "archived") {
          events += step.lastSeq - step.firstSeq + 1;
          batches.push(endedAt - begunAt);
        }
        begunAt = endedAt;
      }
      const seconds = (performance.now() - from) / 1000;
      return [
        { name: "old events archived", unit: "/s", ours: events / seconds },
        { name: "a batch of 480 events", unit: "ms p50", ours: median(batches) },
      ];
    } finally {
      await store.close();
      await database.remove();
    }
  },
};

/** A session whose executions have all ended, long ago. */
async function fill(store: Store): Promise<void> {
  const sessionId = randomUUID();
  const config = SessionConfig.parse({});
  const at = new Date(longAgo).toISOString();
  const session = { id: sessionId, userId: "alice", title: undefined, config, headHash: genesisHash(sessionId), at };
  await store.write((tx) => insertSession(tx, session));
  for (let count = 0; count < executions; count++) {
    await commitUnit(store, { sessionId, at }, async (unit) => {
      const base = { sessionId, userId: "alice", command: "look", plan: undefined, requestHash: "" };
      unit.create(
        newExecution({
          ...base,
          id: randomUUID(),
          budgetLimitMicros: undefined,
          createdAt: at,
          firstSeq: unit.nextSeq,
        }),
      );
      unit.append("execution_started", { command: "look", budget_limit_usd: null, queued: false, by: "alice" });
      for (let step = 1; step <= calls; step++) {
        const tool_id = randomUUID();
        unit.append("tool_call", { step, tool_id, tool_name: "look", tool_args: {} });
        unit.append("tool_result", { tool_id, tool_name: "look", result, success: true, duration_ms: 1 });
      }
      unit.append("complete", {
        result: { text: "Done." },
        success: true,
        total_cost: "0.00 USD",
        duration_ms: 1,
        tool_calls: [],
      });
    });
    await commitUnit(store, { sessionId, at }, async (unit) => {
      await unit.tx
        .updateTable("executions")
        .set({ status: "completed", ended_at: at })
        .where("session_id", "=", sessionId)
        .where("ended_at", "is", null)
        .execute();
    });
  }
}
