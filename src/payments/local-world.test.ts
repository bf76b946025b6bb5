import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chainPidOf, walletAddressOf } from "../../test/support/local-chain.ts";
import { systemClock } from "../runtime/clock.ts";
import { type LocalWorld, startLocalWorld } from "./local-world.ts";

const patience = new AbortController().signal;
let dataDir: string;
let world: LocalWorld | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "paygent-world-"));
});

afterEach(async () => {
  await world?.close();
  world = undefined;
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<LocalWorld> {
  world = await startLocalWorld({ dataDir, clock: systemClock });
  return world;
}

async function stop(): Promise<void> {
  await world?.close();
  world = undefined;
}

/** Pays for one market-data call; answers the transaction and what is needed to ask about it later. */
async function buyMarketData({ wallet, merchantOrigin }: LocalWorld) {
  const quote = await wallet.quote(`${merchantOrigin}/market-data`, patience);
  if (quote.kind !== "paid") throw new Error("market-data is free.");
  const signed = await wallet.sign(quote.terms, { executionId: "execution", toolId: "tool", epoch: 0 });
  const response = await wallet.send(quote.terms, signed, patience);
  const outcome = await wallet.outcome(quote.terms, signed);
  if (outcome.state !== "settled") throw new Error(`The payment is ${outcome.state}.`);
  return { terms: quote.terms, signed, response, outcome };
}

test("the first start gives the wallet 100 USDC and keeps its secrets to the owner", async () => {
  const { wallet, catalogue } = await start();

  expect((await wallet.balance()).amount).toBe("100.00");
  expect(statSync(join(dataDir, "wallet.json")).mode & 0o777).toBe(0o600);
  expect(catalogue.list().map(({ name, price }) => `${name} ${price}`)).toEqual([
    "market-data 0.10",
    "news 2.00",
    "premium-report 25.00",
    "status 0.00",
    "flaky 0.20",
    "bait 0.10",
    "slow 0.10",
  ]);
});

test("a restart finds wallet, port, balance, payments and sold content again", async () => {
  const first = await start();
  const address = await walletAddressOf(first);
  const { terms, signed, response, outcome } = await buyMarketData(first);
  await stop();

  const second = await start();

  expect(await walletAddressOf(second)).toBe(address);
  expect(second.merchantOrigin).toBe(first.merchantOrigin);
  expect(second.token).toEqual(first.token);
  expect(second.notices).toEqual([]);
  expect((await second.wallet.balance()).amount).toBe("99.90");
  expect(await second.wallet.outcome(terms, signed)).toEqual(outcome);
  expect(await second.wallet.send(terms, signed, patience)).toEqual(response);
  expect((await second.wallet.balance()).amount).toBe("99.90");
});

test("a third start still knows payments of the first", async () => {
  const { terms, signed, outcome } = await buyMarketData(await start());
  await stop();
  await start();
  await stop();

  const third = await start();

  expect(await third.wallet.outcome(terms, signed)).toEqual(outcome);
});

test("a killed chain keeps the balance that it had saved", async () => {
  const first = await start();
  const { terms, signed, outcome } = await buyMarketData(first);
  const saved = join(dataDir, "chain.json");
  await vi.waitFor(() => expect(readFileSync(saved, "utf8")).toContain(outcome.txHash), 5000);
  process.kill(await chainPidOf(dataDir), "SIGKILL");
  await stop();

  const second = await start();

  expect(second.notices).toEqual([]);
  expect((await second.wallet.balance()).amount).toBe("99.90");
  expect(await second.wallet.outcome(terms, signed)).toEqual(outcome);
});

test("the chain of a killed server is adopted, and ends when the next server closes", async () => {
  const module = JSON.stringify(new URL("./local-world.ts", import.meta.url).href);
  const options = JSON.stringify({ dataDir });
  const script = `
    const { startLocalWorld } = await import(${module});
    const world = await startLocalWorld({ ...${options}, clock: Date });
    process.stdout.write((await world.wallet.balance()).address, () => process.kill(process.pid, "SIGKILL"));
  `;
  const server = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [address] = await Promise.all([text(server.stdout), once(server, "exit")]);
  const pid = await chainPidOf(dataDir);

  const next = await start();

  expect(await chainPidOf(dataDir)).toBe(pid);
  expect(await next.wallet.balance()).toMatchObject({ address, amount: "100.00" });
  await stop();
  await expect(fetch(next.rpcUrl)).rejects.toThrow();
});

test("a chain whose state is gone is made anew, with the same wallet", async () => {
  const first = await start();
  const address = await walletAddressOf(first);
  await buyMarketData(first);
  await stop();
  rmSync(join(dataDir, "chain.json"));
  rmSync(join(dataDir, "chain-backup.json"), { force: true });

  const second = await start();

  expect(await walletAddressOf(second)).toBe(address);
  expect(second.notices).toEqual([expect.stringContaining("was lost or replaced")]);
  expect((await second.wallet.balance()).amount).toBe("100.00");
});

test("half a state file is replaced by the copy of the last start", async () => {
  await buyMarketData(await start());
  await stop();
  await start();
  await stop();
  writeFileSync(join(dataDir, "chain.json"), '{"block":');

  const next = await start();

  expect(next.notices).toEqual([expect.stringContaining("damaged by a kill")]);
  expect((await next.wallet.balance()).amount).toBe("99.90");
});

test("a taken merchant port is replaced and said so", async () => {
  const first = await start();
  await stop();
  const squatter = createServer().listen(Number(new URL(first.merchantOrigin).port), "127.0.0.1");
  await once(squatter, "listening");

  const second = await start();

  squatter.close();
  expect(second.merchantOrigin).not.toBe(first.merchantOrigin);
  expect(second.notices).toEqual([expect.stringContaining("is taken, so it moved")]);
});
