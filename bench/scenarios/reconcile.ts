import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { startLocalWorld } from "../../src/payments/local-world.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Wallet } from "../../src/runtime/wallet.ts";
import { startServer } from "../../src/server/start.ts";
import { openStore, type Store } from "../../src/store/database.ts";
import { newExecution } from "../../src/store/executions.ts";
import { recordQuote, updatePayment } from "../../src/store/payments.ts";
import { insertSpend } from "../../src/store/spends.ts";
import { commitUnit } from "../../src/store/unit.ts";
import { testDatabase } from "../../test/support/database.ts";
import { each } from "../measure.ts";
import type { Scenario } from "../scenario.ts";

const payments = 1000;
const sessions = 50;
const receiver = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

/**
 * How long a server that starts takes to bring 1,000 payments to their end that a crash left signed and sent,
 * every second of them settled on the chain.
 */
export const reconcile: Scenario = {
  name: "reconcile",
  async runAlone(databaseUrl) {
    const database = await testDatabase(databaseUrl ?? "");
    const chainDir = mkdtempSync(join(tmpdir(), "paygent-bench-chain-"));
    const world = await startLocalWorld({ dataDir: chainDir, clock: systemClock });
    const options = {
      world: { ...world, allowedHosts: [], close: async () => undefined },
      env: { PAYGENT_DATA_DIR: database.dataDir, ...database.env },
      logger: pino({ level: "warn" }, pino.destination(2)),
    };
    try {
      const before = await startServer({ port: 0 }, options);
      const ids = await each(sessions, 8, () => createSession(before));
      await before.close();
      const store = await openStore(databaseUrl === undefined ? { dataDir: database.dataDir } : urlOf(database.env));
      await each(payments, 32, (index) => leaveOpen(store, world.wallet, ids[index % sessions] ?? "", index % 2 === 0));
      await store.close();

      const after = await startServer({ port: 0 }, options);
      const from = performance.now();
      while ((await reservedIn(after, ids)) > 0) await delay(100);
      const seconds = (performance.now() - from) / 1000;
      await after.close();
      const target = { kind: "at most", value: 10 } as const;
      return [{ name: `${payments} open payments brought to their end`, unit: "s", target, ours: seconds }];
    } finally {
      await world.close();
      await database.remove();
      rmSync(chainDir, { recursive: true, force: true });
    }
  },
};

interface Started {
  readonly url: string;
  readonly accessToken: string | undefined;
}

async function createSession({ url, accessToken }: Started): Promise<string> {
  const headers = { authorization: `Bearer ${accessToken}`, "content-type": "application/json" };
  const body = JSON.stringify({ config: { budget_usd: "1000", daily_budget_usd: "1000" } });
  const response = await fetch(`${url}/api/v1/sessions`, { method: "POST", headers, body });
  // The server answers with the session, or the next step fails on the undefined id.
  return ((await response.json()) as { id: string }).id;
}

/** How many of the sessions have money set aside. */
async function reservedIn({ url, accessToken }: Started, ids: readonly string[]): Promise<number> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const answers = await each(ids.length, 8, async (index) => {
    const response = await fetch(`${url}/api/v1/sessions/${ids[index]}`, { headers });
    return (await response.json()) as { budget: { reserved: string } };
  });
  return answers.filter(({ budget }) => budget.reserved !== "0.00").length;
}

function urlOf(env: Readonly<Record<string, string>>): { url: string } {
  return { url: env.DATABASE_URL ?? "" };
}

/** A payment of an ended execution as a kill leaves it behind. */
async function leaveOpen(store: Store, wallet: Wallet, sessionId: string, isSettled: boolean): Promise<void> {
  const terms = wallet.transferTerms({ to: receiver, amount: "0.10", currency: "USDC" });
  const key = { executionId: randomUUID(), toolId: randomUUID() };
  const signed = await wallet.sign(terms, { ...key, epoch: 0 });
  if (isSettled) await wallet.send(terms, signed, new AbortController().signal);
  const micros = BigInt(terms.usdMicros);
  const at = new Date().toISOString();
  await commitUnit(store, { sessionId, at }, async (unit) => {
    const { userId } = unit.session;
    const execution = newExecution({
      id: key.executionId,
      sessionId,
      userId,
      command: "pay",
      plan: undefined,
      requestHash: "",
      budgetLimitMicros: undefined,
      createdAt: at,
      firstSeq: unit.nextSeq,
    });
    unit.create(execution);
    unit.append("execution_started", { command: "pay", budget_limit_usd: null, queued: false, by: userId });
    await insertSpend(unit.tx, key, {
      ...{ sessionId, userId, day: at.slice(0, 10), micros, at, status: "reserved" },
      ...{ payee: undefined, ruleId: undefined },
    });
    unit.reservedMicros += micros;
    const quote = { ...key, id: randomUUID(), sessionId, toolName: "transfer", payee: receiver, terms };
    await recordQuote(unit.tx, { ...quote, repeats: undefined, requestHash: "" }, "reserved", at);
    await updatePayment(unit.tx, key, { state: "sent", signed }, at);
  });
  await commitUnit(store, { sessionId, executionId: key.executionId, at }, async (unit) => {
    unit.execution.reservedMicros += micros;
    unit.execution.status = "failed";
    unit.execution.endedAt = at;
    unit.append("error", { code: "internal", message: "The process was killed.", fatal: true });
  });
}
