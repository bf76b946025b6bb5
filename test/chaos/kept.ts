import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { viewLocalChain } from "../../src/payments/local-transfers.ts";
import { openStoreForReading } from "../../src/store/database.ts";
import { readEvents, type StoredEvent } from "../../src/store/event-log.ts";
import { verifySessions } from "../../src/store/verify.ts";

/** What database, chain and the world outside say after a run. Money is in millionths. */
export interface Kept {
  readonly logs: ReadonlyMap<string, readonly StoredEvent[]>;
  /** A sentence for each log whose hash chain does not hold. */
  readonly broken: readonly string[];
  readonly sessions: readonly { readonly id: string; readonly spent: bigint; readonly reserved: bigint }[];
  readonly spends: readonly { readonly micros: bigint; readonly status: string }[];
  readonly payments: readonly KeptPayment[];
  readonly transfers: readonly { readonly txHash: string; readonly value: bigint }[];
  /** What writes have left behind, a line for each. */
  readonly effects: readonly string[];
}

export interface KeptPayment {
  readonly id: string;
  readonly state: string;
  readonly isSigned: boolean;
  readonly txHash: string | null;
  readonly endedAt: string | null;
}

type Store = Awaited<ReturnType<typeof openStoreForReading>>;

/** Reads it, with the chain of `dataDir` still running. */
export async function readKept(where: {
  readonly database: { readonly url: string } | { readonly dataDir: string };
  readonly dataDir: string;
  readonly effectsFile: string;
}): Promise<Kept> {
  const store = await openStoreForReading(where.database);
  try {
    const { db } = store;
    const sessions = await db.selectFrom("sessions").select(["id", "spent_micros", "reserved_micros"]).execute();
    const spends = await db.selectFrom("spends").select(["micros", "status"]).execute();
    const payments = await db.selectFrom("payments").select(["id", "state", "signed", "tx_hash", "ended_at"]).execute();
    const logs = new Map<string, readonly StoredEvent[]>();
    for (const { id } of sessions) logs.set(id, await wholeLog(store, id));
    const broken: string[] = [];
    for await (const { sessionId, isIntact, problem } of verifySessions(db, undefined))
      if (!isIntact) broken.push(`the log of ${sessionId} is not intact: ${problem}`);
    return {
      logs,
      broken,
      sessions: sessions.map(({ id, spent_micros, reserved_micros }) => ({
        id,
        spent: BigInt(spent_micros),
        reserved: BigInt(reserved_micros),
      })),
      spends: spends.map(({ micros, status }) => ({ micros: BigInt(micros), status })),
      payments: payments.map(({ id, state, signed, tx_hash, ended_at }) => ({
        id,
        state,
        isSigned: signed !== null,
        txHash: tx_hash,
        endedAt: ended_at,
      })),
      transfers: await (await viewLocalChain(join(where.dataDir, "chain"))).transfers(),
      effects: existsSync(where.effectsFile) ? readFileSync(where.effectsFile, "utf8").trim().split("\n") : [],
    };
  } finally {
    await store.close();
  }
}

async function wholeLog({ db }: Store, sessionId: string): Promise<StoredEvent[]> {
  const log: StoredEvent[] = [];
  for (;;) {
    const page = await readEvents(db, sessionId, log.length, 500);
    log.push(...page);
    if (page.length < 500) return log;
  }
}
