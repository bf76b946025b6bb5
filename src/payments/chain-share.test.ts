import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicClient, type Hex, http } from "viem";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chainPidOf } from "../../test/support/local-chain.ts";
import { systemClock } from "../runtime/clock.ts";
import { viewLocalChain } from "./local-transfers.ts";
import { type LocalWorld, startLocalWorld } from "./local-world.ts";

const patience = new AbortController().signal;
const receiver = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
let dataDir: string;
let notices: string[];
const open = new Set<LocalWorld>();

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "paygent-share-"));
  notices = [];
});

afterEach(async () => {
  for (const world of open) await world.close();
  open.clear();
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<LocalWorld> {
  const world = await startLocalWorld({ dataDir, clock: systemClock, onNotice: (notice) => notices.push(notice) });
  open.add(world);
  return world;
}

async function stop(world: LocalWorld): Promise<void> {
  open.delete(world);
  await world.close();
}

/** Waits until the world's server keeps the chain. */
async function untilKept(): Promise<void> {
  await vi.waitFor(() => expect(notices.at(-1)).toContain("this one keeps it now"), { timeout: 5000, interval: 5 });
}

async function buy({ wallet, merchantOrigin }: LocalWorld, name: string): Promise<string> {
  const quote = await wallet.quote(`${merchantOrigin}/market-data`, patience);
  if (quote.kind !== "paid") throw new Error("market-data is free.");
  const signed = await wallet.sign(quote.terms, { executionId: name, toolId: "tool", epoch: 0 });
  await wallet.send(quote.terms, signed, patience);
  return (await wallet.outcome(quote.terms, signed)).state;
}

/** Sends money without a merchant: this server's own account pays the gas. */
async function transfer({ wallet }: LocalWorld, name: string): Promise<string> {
  const terms = wallet.transferTerms({ to: receiver, amount: "0.01", currency: "USDC" });
  const signed = await wallet.sign(terms, { executionId: name, toolId: "tool", epoch: 0 });
  await wallet.send(terms, signed, patience);
  return (await wallet.outcome(terms, signed)).state;
}

/** The accounts that paid for gas so far. */
async function gasAccounts({ rpcUrl }: LocalWorld): Promise<Set<string>> {
  const chain = createPublicClient({ transport: http(rpcUrl) });
  const moved = await (await viewLocalChain(dataDir)).transfers();
  const sent = await Promise.all(moved.map(({ txHash }) => chain.getTransaction({ hash: txHash as Hex })));
  return new Set(sent.map(({ from }) => from));
}

async function transfers(): Promise<number> {
  return (await (await viewLocalChain(dataDir)).transfers()).length;
}

test("servers of one folder are on one chain, with one wallet and one merchant", async () => {
  const [one, other] = await Promise.all([start(), start()]);

  expect(await buy(one, "one")).toBe("settled");
  expect(await buy(other, "other")).toBe("settled");

  expect(other.rpcUrl).toBe(one.rpcUrl);
  expect(other.merchantOrigin).toBe(one.merchantOrigin);
  expect((await one.wallet.balance()).amount).toBe("99.80");
});

test("what two servers pay and send at the same time settles, each once", async () => {
  const worlds = await Promise.all([start(), start()]);
  const names = Array.from({ length: 8 }, (_, index) => String(index));

  const states = await Promise.all(
    worlds.flatMap((world, index) =>
      names.flatMap((name) => [buy(world, `buy-${index}-${name}`), transfer(world, `send-${index}-${name}`)]),
    ),
  );

  expect(states).toEqual(states.map(() => "settled"));
  expect(await transfers()).toBe(states.length);
  // The merchant's, and one of each server.
  expect((await gasAccounts(worlds[0])).size).toBe(3);
});

test("when the keeper closes another server goes on where it was, and the last one ends the chain", async () => {
  const keeper = await start();
  const other = await start();
  const pid = await chainPidOf(dataDir);

  await stop(keeper);
  await untilKept();

  expect(await buy(other, "after")).toBe("settled");
  const next = await start();
  expect([await chainPidOf(dataDir), next.merchantOrigin]).toEqual([pid, keeper.merchantOrigin]);
  await stop(other);
  expect(await transfers()).toBe(1);
  await stop(next);
  await expect(fetch(next.rpcUrl)).rejects.toThrow();
});

test("of all that close at once one ends the chain", async () => {
  const worlds = await Promise.all([start(), start(), start()]);

  await Promise.all(worlds.map(stop));

  await expect(fetch(worlds[0].rpcUrl)).rejects.toThrow();
});

test("a chain that ended with its keeper is started again where the others know it", async () => {
  const keeper = await start();
  const other = await start();
  await buy(other, "before");
  await stop(keeper);
  await untilKept();
  const third = await start();
  process.kill(await chainPidOf(dataDir), "SIGTERM");
  await vi.waitFor(() => expect(fetch(keeper.rpcUrl)).rejects.toThrow(), { timeout: 5000, interval: 20 });
  notices = [];

  await stop(other);
  await untilKept();

  expect(await buy(third, "after")).toBe("settled");
  expect((await third.wallet.balance()).amount).toBe("99.80");
});
