import { usdMicros } from "../../src/protocol/money.ts";
import { SessionConfig } from "../../src/protocol/session-config.ts";
import { payeeLimits } from "../../src/runtime/budget.ts";
import type { Store } from "../../src/store/database.ts";
import { statement } from "../../src/store/statement.ts";

interface Spend {
  execution_id: string;
  tool_id: string;
  session_id: string;
  user_id: string;
  day: string;
  micros: number | bigint | string;
  status: "reserved" | "settled" | "released";
  payee: string | null;
  pay_to: string | null;
  network: string | null;
  rule_id: string | null;
}
type Amount = number | bigint | string;

const selectSpends = statement<object, Spend>((db) =>
  db
    .selectFrom("spends")
    .select([
      "execution_id",
      "tool_id",
      "session_id",
      "user_id",
      "day",
      "micros",
      "status",
      "payee",
      "pay_to",
      "network",
      "rule_id",
    ]),
);
const selectSessions = statement<
  object,
  { id: string; user_id: string; config: string; spent_micros: Amount; reserved_micros: Amount }
>((db) => db.selectFrom("sessions").select(["id", "user_id", "config", "spent_micros", "reserved_micros"]));
const selectExecutions = statement<
  object,
  { id: string; spent_micros: Amount; reserved_micros: Amount; budget_limit_micros: Amount | null }
>((db) => db.selectFrom("executions").select(["id", "spent_micros", "reserved_micros", "budget_limit_micros"]));
const selectDays = statement<object, { user_id: string; day: string; micros: Amount }>((db) =>
  db.selectFrom("user_days").select(["user_id", "day", "micros"]),
);
const selectRules = statement<object, { id: string; used_micros: Amount; total_micros: Amount | null }>((db) =>
  db.selectFrom("spend_rules").select(["id", "used_micros", "total_micros"]),
);

/** A reservation that has ended. */
export interface Ended {
  readonly executionId: string;
  readonly toolId: string;
  readonly status: "settled" | "released";
}

/**
 * What was set aside and spent, held against every budget and against what is kept beside it, at one commit after
 * the other. A budget that was lowered below what is drawn may stay passed, but nothing more may be drawn on it.
 */
export class Books {
  readonly #store: Store;
  readonly #fail: (violation: string) => void;
  readonly #drawn = new Map<string, bigint>();
  readonly #configs = new Map<string, SessionConfig>();
  readonly #ended = new Map<string, Ended["status"]>();

  constructor(store: Store, fail: (violation: string) => void) {
    this.#store = store;
    this.#fail = fail;
  }

  /** Checks all, and gives the reservations that have ended since the last time. */
  async check(): Promise<Ended[]> {
    const { db } = this.#store;
    const spends = await selectSpends(db, {});
    if (spends.length === 0) return [];
    const [sessions, executions] = [await selectSessions(db, {}), await selectExecutions(db, {})];
    const [days, rules] = [await selectDays(db, {}), await selectRules(db, {})];
    const sum = (matches: (spend: Spend) => boolean) => {
      let total = 0n;
      for (const spend of spends) if (spend.status !== "released" && matches(spend)) total += BigInt(spend.micros);
      return total;
    };

    // Each session says how much its user may spend on a day, in all sessions together.
    let dayLimit = 0n;
    for (const session of sessions) {
      const own = (spend: Spend) => spend.session_id === session.id;
      this.#same("session", session, sum(own));
      const config = this.#configOf(session.config);
      this.#within(`session ${session.id}`, usdMicros(config.budget_usd), sum(own));
      for (const name of Object.keys(config.payee_budgets_usd)) this.#checkPayee(session.id, name, config, spends);
      const daily = usdMicros(config.daily_budget_usd);
      if (daily > dayLimit) dayLimit = daily;
    }
    for (const execution of executions) {
      const own = (spend: Spend) => spend.execution_id === execution.id;
      this.#same("execution", execution, sum(own));
      const limit = execution.budget_limit_micros;
      if (limit !== null) this.#within(`execution ${execution.id}`, BigInt(limit), sum(own));
    }
    for (const { user_id, day, micros } of days) {
      const onDay = (spend: Spend) => spend.user_id === user_id && spend.day === day;
      this.#equal(`day ${day}`, BigInt(micros), sum(onDay));
      this.#within(`day ${day}`, dayLimit, sum(onDay));
    }
    for (const { id, used_micros, total_micros } of rules) {
      const drawn = sum((spend) => spend.rule_id === id);
      this.#equal(`rule ${id}`, BigInt(used_micros), drawn);
      if (total_micros !== null) this.#within(`rule ${id}`, BigInt(total_micros), drawn);
    }
    return this.#endedNow(spends);
  }

  #configOf(text: string): SessionConfig {
    const config = this.#configs.get(text) ?? SessionConfig.parse(JSON.parse(text));
    this.#configs.set(text, config);
    return config;
  }

  #checkPayee(sessionId: string, name: string, config: SessionConfig, spends: readonly Spend[]): void {
    let drawn = 0n;
    let limit: bigint | undefined;
    for (const { session_id, status, payee, pay_to: payTo, network, micros } of spends) {
      if (session_id !== sessionId || status === "released" || payee === null || payTo === null || network === null)
        continue;
      const named = payeeLimits(config.payee_budgets_usd, { payee, payTo, network }).find(([known]) => known === name);
      if (named === undefined) continue;
      drawn += BigInt(micros);
      limit = named[1];
    }
    if (limit !== undefined) this.#within(`payee ${name} of ${sessionId}`, limit, drawn);
  }

  #endedNow(spends: readonly Spend[]): Ended[] {
    const ended: Ended[] = [];
    for (const { execution_id: executionId, tool_id: toolId, status, payee } of spends) {
      const key = `${executionId}/${toolId}`;
      const before = this.#ended.get(key);
      if (before !== undefined && before !== status)
        this.#fail(`The reservation of ${toolId} was ${before} and is now ${status}.`);
      if (status === "reserved" || before !== undefined) continue;
      this.#ended.set(key, status);
      if (payee !== null) ended.push({ executionId, toolId, status });
    }
    return ended;
  }

  #within(budget: string, limit: bigint, drawn: bigint): void {
    const before = this.#drawn.get(budget) ?? 0n;
    this.#drawn.set(budget, drawn);
    if (drawn > limit && drawn > before) this.#fail(`${drawn} are drawn on ${budget}, which has ${limit}.`);
  }

  #same(what: string, row: { id: string; spent_micros: Amount; reserved_micros: Amount }, drawn: bigint): void {
    this.#equal(`${what} ${row.id}`, BigInt(row.spent_micros) + BigInt(row.reserved_micros), drawn);
  }

  #equal(what: string, kept: bigint, counted: bigint): void {
    if (kept !== counted) this.#fail(`${what} says ${kept}, and its spends are ${counted}.`);
  }
}
