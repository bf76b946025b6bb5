import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parseUnits } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import { systemClock } from "../runtime/clock.ts";
import type { PaymentIntent, Wallet } from "../runtime/wallet.ts";
import { callRpc } from "./json-rpc.ts";
import { type LocalWorld, startLocalWorld } from "./local-world.ts";
import { createWallet } from "./wallet.ts";

const patience = new AbortController().signal;
const dataDir = mkdtempSync(join(tmpdir(), "paygent-wallet-"));
let world: LocalWorld;
let wallet: Wallet;
let shop: Server | undefined;

beforeAll(async () => {
  world = await startLocalWorld({ dataDir, clock: systemClock });
  wallet = world.wallet;
});

afterEach(() => {
  shop?.closeAllConnections();
  shop?.close();
  shop = undefined;
});

afterAll(async () => {
  await world.close();
  rmSync(dataDir, { recursive: true });
});

function newIntent(): PaymentIntent {
  return { executionId: randomUUID(), toolId: randomUUID(), epoch: 0 };
}

async function termsOf(name: string): Promise<PaymentTerms> {
  const quote = await wallet.quote(`${world.merchantOrigin}/${name}`, patience);
  if (quote.kind !== "paid") throw new Error(`${name} is free.`);
  return quote.terms;
}

async function units(): Promise<bigint> {
  return parseUnits((await wallet.balance()).amount, 6) ?? 0n;
}

/** A strange service on loopback, and a wallet that may ask it. */
async function strangeShop(listener: RequestListener): Promise<{ origin: string; visitor: Wallet }> {
  const server = createServer(listener);
  shop = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return { origin, visitor: walletAllowing((url) => url.origin === origin, world.rpcUrl) };
}

function walletAllowing(
  allowUrl: (url: URL) => boolean,
  rpcUrl: string,
  account = privateKeyToAccount(generatePrivateKey()),
): Wallet {
  return createWallet({
    account,
    nonceSecret: new Uint8Array(32),
    rpcUrl,
    network: "eip155:31337",
    token: world.token,
    relayer: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    allowUrl,
    clock: systemClock,
  });
}

test("a paid call moves the quoted amount once and the chain knows its transaction", async () => {
  const before = await units();
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());

  const response = await wallet.send(terms, signed, patience);

  expect(response.status).toBe(200);
  expect(JSON.parse(response.body)).toMatchObject({ quotes: expect.any(Array) });
  const outcome = await wallet.outcome(terms, signed);
  if (outcome.state !== "settled") throw new Error(`The payment is ${outcome.state}.`);
  expect(await callRpc(world.rpcUrl, "eth_getTransactionReceipt", [outcome.txHash])).toMatchObject({ status: "0x1" });
  expect(before - (await units())).toBe(100_000n);
});

test("what is signed on an approval is good until the approval's end and no longer", async () => {
  const terms = await termsOf("market-data");
  const notAfter = systemClock.now() + 20_000;

  const signed = await wallet.sign(terms, newIntent(), { notAfter });

  expect(signed.validBefore).toBe(Math.floor(notAfter / 1000));
});

test("nothing is signed on an approval that is over", async () => {
  const terms = await termsOf("market-data");

  await expect(wallet.sign(terms, newIntent(), { notAfter: systemClock.now() - 1 })).rejects.toMatchObject({
    code: "approval_expired",
  });
});

test("a payment that nobody wants any more once the chain has told its time is not signed", async () => {
  const terms = await termsOf("market-data");
  const key = privateKeyToAccount(generatePrivateKey());
  let signatures = 0;
  const signTypedData: typeof key.signTypedData = (asked) => {
    signatures += 1;
    return key.signTypedData(asked);
  };
  const own = walletAllowing(() => true, world.rpcUrl, { ...key, signTypedData });
  const stop = new AbortController();

  const signing = own.sign(terms, newIntent(), { signal: stop.signal });
  stop.abort(new Error("cancelled"));

  await expect(signing).rejects.toThrow("cancelled");
  expect(signatures).toBe(0);
});

test("the same bytes sent again bring the same content and move nothing more", async () => {
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());
  const first = await wallet.send(terms, signed, patience);
  const after = await units();

  const again = await wallet.send(terms, signed, patience);

  expect(again).toEqual(first);
  expect(await units()).toBe(after);
});

test("the same bytes sent eight times at once settle once", async () => {
  const before = await units();
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());

  await Promise.all(Array.from({ length: 8 }, () => wallet.send(terms, signed, patience)));

  expect(await wallet.outcome(terms, signed)).toMatchObject({ state: "settled" });
  expect(before - (await units())).toBe(100_000n);
});

test("eight different payments at once all settle", async () => {
  const before = await units();
  const terms = await termsOf("market-data");
  const signed = await Promise.all(Array.from({ length: 8 }, () => wallet.sign(terms, newIntent())));

  const responses = await Promise.all(signed.map((one) => wallet.send(terms, one, patience)));

  expect(responses.map((response) => response.status)).toEqual(Array(8).fill(200));
  expect(before - (await units())).toBe(800_000n);
});

test("a free service is answered without a payment", async () => {
  const quote = await wallet.quote(`${world.merchantOrigin}/status`, patience);

  expect(quote).toMatchObject({ kind: "free", response: { status: 200, contentType: "application/json" } });
});

test("a service that fails after it was paid has still been paid", async () => {
  const terms = await termsOf("flaky");
  const signed = await wallet.sign(terms, newIntent());

  const response = await wallet.send(terms, signed, patience);

  expect(response.status).toBe(500);
  expect(await wallet.outcome(terms, signed)).toMatchObject({ state: "settled" });
});

test("a price raised between quote and payment is not paid", async () => {
  const before = await units();
  const terms = await termsOf("bait");
  expect(terms.amount).toBe("100000");
  const signed = await wallet.sign(terms, newIntent());

  const response = await wallet.send(terms, signed, patience);

  expect(response.status).toBe(402);
  expect(await wallet.outcome(terms, signed)).toEqual({ state: "open" });
  expect(await units()).toBe(before);
});

test("an unused authorization can be cancelled, and never settles after that", async () => {
  const before = await units();
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());

  await wallet.cancel(terms, signed);
  const late = await wallet.send(terms, signed, patience);

  expect(late.status).toBe(402);
  expect(await wallet.outcome(terms, signed)).toMatchObject({ state: "cancelled" });
  expect(await units()).toBe(before);
});

test("cancelling twice, or after the settlement, changes nothing", async () => {
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());
  await wallet.send(terms, signed, patience);
  const settled = await wallet.outcome(terms, signed);

  await wallet.cancel(terms, signed);
  await wallet.cancel(terms, signed);

  expect(await wallet.outcome(terms, signed)).toEqual(settled);
});

test("of a cancellation and a settlement that race, exactly one happens", async () => {
  const before = await units();
  const terms = await termsOf("market-data");
  let settled = 0n;

  for (let race = 0; race < 10; race++) {
    const signed = await wallet.sign(terms, newIntent());
    await Promise.all([wallet.send(terms, signed, patience), wallet.cancel(terms, signed)]);
    const { state } = await wallet.outcome(terms, signed);
    expect(["settled", "cancelled"]).toContain(state);
    if (state === "settled") settled += 1n;
  }

  expect(before - (await units())).toBe(settled * 100_000n);
});

test("an intent signed again on other terms still settles once, and the other signature is unverified", async () => {
  const intent = newIntent();
  const cheap = await termsOf("market-data");
  const dear = await termsOf("flaky");
  const first = await wallet.sign(cheap, intent);
  const second = await wallet.sign(dear, intent);
  expect(second.nonce).toBe(first.nonce);

  await wallet.send(dear, second, patience);
  const refused = await wallet.send(cheap, first, patience);

  expect(refused.status).toBe(402);
  expect(await wallet.outcome(dear, second)).toMatchObject({ state: "settled" });
  await expect(wallet.outcome(cheap, first)).rejects.toMatchObject({ code: "payment_unverified" });
});

test("aborting a send gives the reason back at once and leaves the authorization to be cancelled", async () => {
  const terms = await termsOf("slow");
  const signed = await wallet.sign(terms, newIntent());
  const stop = new AbortController();
  const reason = new Error("stopped");

  const sending = wallet.send(terms, signed, stop.signal);
  stop.abort(reason);

  await expect(sending).rejects.toBe(reason);
  await wallet.cancel(terms, signed);
  expect(await wallet.outcome(terms, signed)).toMatchObject({ state: "cancelled" });
});

test.each([
  "http://127.0.0.1:9/market-data",
  "http://169.254.169.254/latest/meta-data",
  "http://user:secret@127.0.0.1/",
  "file:///etc/passwd",
  "not a url",
])("the address %s is blocked", async (url) => {
  await expect(wallet.quote(url, patience)).rejects.toMatchObject({ code: "url_blocked" });
});

test("a redirect is not followed", async () => {
  const visited: (string | undefined)[] = [];
  const { origin, visitor } = await strangeShop((request, response) => {
    visited.push(request.url);
    response.writeHead(307, { location: "/elsewhere" }).end();
  });

  await expect(visitor.quote(`${origin}/paid`, patience)).rejects.toMatchObject({ code: "tool_failed" });
  expect(visited).toEqual(["/paid"]);
});

test("a body without end is cut off", async () => {
  const { origin, visitor } = await strangeShop((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, "a");
    const pour = () => {
      while (response.write(chunk));
    };
    response.on("drain", pour);
    pour();
  });

  await expect(visitor.quote(`${origin}/endless`, patience)).rejects.toMatchObject({ code: "tool_failed" });
});

test("a 402 that is not x402 version 2 is refused", async () => {
  const { origin, visitor } = await strangeShop((_request, response) => {
    response.writeHead(402, { "content-type": "application/json" }).end('{"x402Version":1,"accepts":[]}');
  });

  await expect(visitor.quote(`${origin}/old`, patience)).rejects.toMatchObject({ code: "payment_terms_invalid" });
});

test("a chain that does not answer makes the outcome unavailable", async () => {
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());
  const lost = walletAllowing(() => true, "http://127.0.0.1:9");

  const error: unknown = await lost.outcome(terms, signed).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ code: "unavailable" });
  expect(inspect(error)).not.toContain("127.0.0.1:9");
});

test("an authorization expires only when the chain's time has passed its window", async () => {
  const terms = await termsOf("market-data");
  const signed = await wallet.sign(terms, newIntent());
  expect(await wallet.outcome(terms, signed)).toEqual({ state: "open" });

  await callRpc(world.rpcUrl, "evm_increaseTime", [3600]);
  await callRpc(world.rpcUrl, "evm_mine");

  expect(await wallet.outcome(terms, signed)).toEqual({ state: "expired" });
});
