import { accountTotals } from "../../src/store/account-totals.ts";
import type { Store } from "../../src/store/database.ts";
import type { Tables } from "../../src/store/tables.ts";
import { verifySessions } from "../../src/store/verify.ts";
import { installVirtualTime } from "./virtual-time.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  /** A sentence for everything that is not as promised. */
  readonly violations: readonly string[];
  /** What happened, line by line, where it was asked for. */
  readonly trace: readonly string[];
  readonly transfers: number;
}

export interface SimulationOptions {
  readonly store: Store;
  readonly traced?: boolean;
  readonly settled?: () => Promise<void>;
}

const stormyMs = 6000;
/** A storm in which nothing happens any more is over. */
const quietMs = 1500;
const stormySteps = 600;
const mostSteps = 6000;
const awakeMs = 4000;
/** How long nobody does anything, again and again, until nothing is left to be done. */
const sleepsMs = [0, 10_000, 60_000, 600_000, 600_000, 4_000_000, 4_000_000, 4_000_000, 100_000_000, 100_000_000];

/** Runs one simulation on a store that nothing else uses, and empties it. */
export async function simulate(seed: number, { store, traced = false, settled }: SimulationOptions): Promise<Outcome> {
  installVirtualTime();
  const world = new World(seed, store, { traced, settled });
  const { time, watch } = world;
  try {
    await world.begin();
    const isStormy = () => time.now < stormyMs && time.now < watch.lastNewsAt + quietMs;
    for (let step = 0; step < stormySteps && isStormy() && (await time.step()); step++) await world.strike();
    await world.clearUp();
    await comeToAnEnd(world);
    await audit(world);
  } finally {
    for (const node of world.nodes) node.kill();
    await empty(store);
  }
  return { seed, violations: watch.violations, trace: world.trace ?? [], transfers: world.chain.transfers.length };
}

async function comeToAnEnd(world: World): Promise<void> {
  const { time, watch, users } = world;
  let steps = 0;
  for (const ms of sleepsMs) {
    if (ms > 0) world.note(`everybody sleeps for ${ms} ms`);
    time.sleep(ms);
    await users.insist();
    for (const until = time.now + awakeMs; time.now < until && steps < mostSteps && (await time.step()); steps++) {
      if (await isAtRest(world)) return;
      await world.strike();
    }
  }
  watch.fail(`Something does not end: ${await whatIsOpen(world)}`);
}

async function whatIsOpen({ store, users, nodes, nameOf }: World): Promise<string> {
  const executions = await store.db
    .selectFrom("executions")
    .select(["id", "status", "owner"])
    .where("ended_at", "is", null)
    .execute();
  const payments = await openPayments(store).select(["tool_id", "state"]).execute();
  const notTaken = users.commands.filter(({ isTaken }) => !isTaken);
  return [
    ...executions.map(({ id, status, owner }) => {
      const node = nodes.find((candidate) => candidate.id === owner)?.name ?? "nobody who lives";
      return `execution ${nameOf(id)} is ${status} with ${node}`;
    }),
    ...payments.map(({ tool_id, state }) => `the payment of ${nameOf(tool_id)} is ${state}`),
    ...notTaken.map(({ text }) => `nobody takes "${text}"`),
  ].join(", ");
}

function openPayments({ db }: Store) {
  return db.selectFrom("payments").where("state", "in", ["quoted", "reserved", "signed", "sent", "unknown"]);
}

async function isAtRest({ users, watch, store }: World): Promise<boolean> {
  if (users.commands.some(({ id, isTaken }) => !isTaken || !watch.hasEnded(id))) return false;
  const open = await openPayments(store).select("id").limit(1).execute();
  return open.length === 0;
}

/** At rest the chain, the ledger and the log say the same. */
async function audit({ store, chain, watch }: World): Promise<void> {
  const expectSame = (what: string, one: bigint | number, other: bigint | number) => {
    if (one !== other) watch.fail(`${what}: ${one} and ${other} differ.`);
  };
  const moved = chain.transfers.reduce((sum, { value }) => sum + value, 0n);
  const totals = await accountTotals(store.db);
  const models = await store.db
    .selectFrom("spends")
    .select(({ fn }) => fn.sum<number | bigint | string | null>("micros").as("micros"))
    .where("payee", "is", null)
    .executeTakeFirst();
  const thought = BigInt(models?.micros ?? 0);
  expectSame("The chain's sum and the ledger's", moved, totals.settledMicros - thought);
  expectSame("The ledger and the sessions' spent", totals.settledMicros, totals.spentMicros);
  expectSame("Reserved in the ledger and nothing", totals.reservedMicros, 0n);
  expectSame("Reserved in the sessions and nothing", totals.heldMicros, 0n);
  expectSame("Executions that did not end and none", totals.openExecutions, 0);
  const pending = await store.db.selectFrom("approvals").select("id").where("status", "=", "pending").execute();
  expectSame("Approvals that still wait and none", pending.length, 0);
  for await (const { isIntact, problem } of verifySessions(store.db, undefined)) {
    if (!isIntact) watch.fail(`The log is broken: ${problem}`);
  }
}

/** In an order in which no row is left without the one that it refers to. */
const tables: readonly (keyof Tables)[] = [
  "tool_starts",
  "approval_votes",
  "approvals",
  "payments",
  "spends",
  "user_days",
  "payees",
  "freezes",
  "spend_rules",
  "events",
  "executions",
  "session_approvers",
  "nodes",
  "sessions",
];

async function empty(store: Store): Promise<void> {
  await store.write(async (tx) => {
    for (const table of tables) await tx.deleteFrom(table).execute();
  });
}
