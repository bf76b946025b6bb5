import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../src/protocol/errors.ts";
import { dataOf } from "./support/events-of.ts";
import { base64, goods, type Stall, type StallBehaviour, type Visit } from "./support/hostile-shop.ts";
import { type HostileWorld, startHostileWorld } from "./support/hostile-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let world: HostileWorld;
let server: TestServer;
/** Another host, to which services try to send the agent with its payment. */
let stranger: Server;
let strangerUrl: string;
const strangersVisits: string[] = [];

beforeAll(async () => {
  stranger = createServer((request, response) => {
    strangersVisits.push(request.url ?? "");
    response.end("caught");
  }).listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const address = stranger.address();
  strangerUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  world = await startHostileWorld();
  server = await startTestServer({ world, model: callingModel() });
});

afterAll(async () => {
  // The world goes with it.
  await server.remove();
  stranger.close();
});

interface HostileCase {
  readonly what: string;
  readonly service: StallBehaviour;
  /** What may leave the wallet, in millionths of a USDC. */
  readonly moves: bigint;
  /** The code of the error that the agent and its user meet; absent when the call succeeds. */
  readonly code?: ErrorCode;
  /** How often the payment may be sent. */
  readonly sends: number;
}

const fakeHash = `0x${"ab".repeat(32)}`;
const receipt = (change: object = {}) => ({
  "payment-response": base64({
    success: true,
    transaction: fakeHash,
    network: "eip155:31337",
    payer: "0x00",
    ...change,
  }),
});

/** A service whose offer must be refused before anything is signed. */
function offering(what: string, change: (stall: Stall) => readonly object[] | string, code: ErrorCode = termsInvalid) {
  const quote = (visit: Visit) => visit.demand(change(visit.stall));
  return { what: `an offer with ${what}`, service: { quote }, moves: 0n, code, sends: 0 };
}

const termsInvalid = "payment_terms_invalid";
const one = (change: object) => (stall: Stall) => [stall.option(change)];
const amountsRefused: readonly (readonly [string, unknown])[] = [
  ["hexadecimal", "0x186a0"],
  ["negative", "-100000"],
  ["zero", "0"],
  ["exponential", "1e5"],
  ["decimal", "1.0"],
  ["padded", " 100000"],
  ["zero-led", "0100000"],
  ["empty", ""],
  ["numeric", 100000],
  ["Arabic", "١٠٠٠٠٠"],
  ["fullwidth", "１０００００"],
  ["256 bit", (2n ** 256n).toString()],
];

const quoteCases: readonly HostileCase[] = [
  ...amountsRefused.map(([kind, amount]) =>
    offering(
      `a${kind === "Arabic" || kind === "exponential" || kind === "empty" ? "n" : ""} ${kind} amount`,
      one({ amount }),
    ),
  ),
  offering("a price in 18 decimals", one({ amount: "100000000000000000" }), "policy_denied"),
  offering("another network", one({ network: "eip155:1" })),
  offering("another asset", (stall) => [stall.option({ asset: stall.payTo })]),
  offering("another token name", one({ extra: { name: "USD C0in", version: "2" } })),
  offering("a payee whose checksum is wrong", (stall) => [stall.option({ payTo: swapCase(stall.payTo) })]),
  offering("the zero address as payee", one({ payTo: `0x${"0".repeat(40)}` })),
  offering("the wallet itself as payee", () => [{ ...world.shop.stalls[0]?.option(), payTo: world.walletAddress }]),
  offering("a window of 10 years", one({ maxTimeoutSeconds: 315_360_000 })),
  offering("a window of minus one second", one({ maxTimeoutSeconds: -1 })),
  offering("Permit2 alone", one({ extra: { name: "USD Coin", version: "2", assetTransferMethod: "permit2" } })),
  offering("a cheap option before a dear one", (stall) => [stall.option(), stall.option({ amount: "95000000" })]),
  offering("two payees", (stall) => [stall.option(), stall.option({ payTo: stall.accomplice })]),
  offering("a price stated twice", (stall) =>
    base64(
      JSON.stringify({ x402Version: 2, resource: { url: stall.url }, accepts: [stall.option()] }).replace(
        '"amount"',
        '"amount":"1","amount"',
      ),
    ),
  ),
  offering("500 levels of nesting", () =>
    base64(`{"x402Version":2,"extensions":${"[".repeat(500)}${"]".repeat(500)}}`),
  ),
  offering("a header beyond what HTTP takes", () => base64({ padding: "x".repeat(100_000) }), "tool_failed"),
  {
    what: "a redirect to another host before payment",
    service: { quote: (visit) => visit.answer(307, "", { location: `${strangerUrl}/quote` }) },
    moves: 0n,
    code: "tool_failed",
    sends: 0,
  },
  {
    what: "a body without end before payment",
    service: { quote: ({ response }) => pourForEver(response) },
    moves: 0n,
    code: "tool_failed",
    sends: 0,
  },
  {
    what: "a small answer that unpacks to 20 MB before payment",
    service: {
      quote: (visit) => visit.answer(200, gzipSync(Buffer.alloc(20_000_000)), { "content-encoding": "gzip" }),
    },
    moves: 0n,
    code: "tool_failed",
    sends: 0,
  },
  {
    what: "an answer that breaks off before payment",
    service: { quote: ({ response }) => response.socket?.destroy() },
    moves: 0n,
    code: "tool_failed",
    sends: 0,
  },
];

const settleThen =
  (answer: (visit: Visit) => unknown): StallBehaviour["paid"] =>
  async (visit) => {
    if (visit.payments === 1) expect(await visit.settle()).toMatchObject({ success: true });
    await answer(visit);
  };
const refuse = (visit: Visit) => visit.demand([visit.stall.option()]);
const paidAndLost = { moves: 100_000n, code: "tool_failed", sends: 1 } as const;
const notTaken = { moves: 0n, code: "payment_failed", sends: 3 } as const;

const paymentCases: readonly HostileCase[] = [
  { what: "an honest service", service: {}, moves: 100_000n, sends: 1 },
  {
    what: "Permit2 offered before EIP-3009",
    service: {
      quote: ({ stall, demand }) =>
        demand([
          stall.option({ amount: "7", extra: { name: "USD Coin", version: "2", assetTransferMethod: "permit2" } }),
          stall.option(),
        ]),
    },
    moves: 100_000n,
    sends: 1,
  },
  {
    what: "the same option twice",
    service: { quote: ({ stall, demand }) => demand([stall.option(), stall.option()]) },
    moves: 100_000n,
    sends: 1,
  },
  { what: "402 for ever after it settled", service: { paid: settleThen(refuse) }, ...paidAndLost },
  {
    what: "a dearer 402 after it settled, so that the agent may recover by paying again",
    service: {
      paid: settleThen((visit) =>
        visit.answer(402, '{"error":"recovered: sign again"}', {
          "payment-required": base64({
            x402Version: 2,
            error: "nonce_already_used",
            resource: { url: visit.stall.url },
            accepts: [visit.stall.option({ amount: "95000000" })],
          }),
          ...receipt({ success: false, errorReason: "recoverable" }),
        }),
      ),
    },
    ...paidAndLost,
  },
  { what: "402 for ever without settling", service: { paid: refuse }, ...notTaken },
  { what: "500 after it settled", service: { paid: settleThen((visit) => visit.answer(500)) }, ...paidAndLost },
  { what: "502 after it settled", service: { paid: settleThen((visit) => visit.answer(502)) }, ...paidAndLost },
  {
    what: "a broken connection after it settled",
    service: { paid: settleThen(({ response }) => response.socket?.destroy()) },
    ...paidAndLost,
    sends: 2,
  },
  {
    what: "a body without end after it settled",
    service: { paid: settleThen(({ response }) => pourForEver(response)) },
    ...paidAndLost,
    sends: 2,
  },
  {
    what: "500 at once, settled at the second asking",
    service: {
      async paid(visit) {
        if (visit.payments === 2) expect(await visit.settle()).toMatchObject({ success: true });
        visit.answer(500);
      },
    },
    moves: 100_000n,
    code: "tool_failed",
    sends: 2,
  },
  {
    what: "a receipt of success that is forged, with goods",
    service: { paid: (visit) => visit.answer(200, goods, receipt()) },
    ...notTaken,
  },
  {
    what: "a receipt of failure after it settled",
    service: { paid: settleThen((visit) => visit.answer(402, "{}", receipt({ success: false }))) },
    ...paidAndLost,
  },
  {
    what: "a receipt of success without a transaction after it settled",
    service: { paid: settleThen((visit) => visit.answer(200, goods, receipt({ transaction: "" }))) },
    moves: 100_000n,
    sends: 1,
  },
  {
    what: "a settlement called pending that never comes",
    service: { paid: (visit) => visit.answer(202, '{"status":"settlement_pending"}', receipt({ transaction: "" })) },
    ...notTaken,
  },
  {
    what: "a price raised at payment",
    service: { paid: (visit) => visit.demand([visit.stall.option({ amount: "95000000" })]) },
    ...notTaken,
  },
  {
    what: "a payee changed at payment",
    service: { paid: (visit) => visit.demand([visit.stall.option({ payTo: visit.stall.accomplice })]) },
    ...notTaken,
  },
  {
    what: "a redirect to another host with the payment",
    service: { paid: (visit) => visit.answer(307, "", { location: `${strangerUrl}/payment` }) },
    ...notTaken,
  },
  {
    what: "a permanent redirect to a bare address with the payment",
    service: { paid: (visit) => visit.answer(308, "", { location: strangerUrl.replace("http:", "") }) },
    ...notTaken,
  },
  {
    what: "goods of 20,000 nested lists",
    service: { paid: settleThen((visit) => visit.answer(200, "[".repeat(20_000) + "]".repeat(20_000))) },
    moves: 100_000n,
    sends: 1,
  },
  {
    what: "goods with control characters, a lone surrogate and a key called __proto__",
    service: {
      paid: settleThen((visit) =>
        visit.answer(200, '{"text":"\\u0000\\u001b[2J\\ud800\\u202e","__proto__":{"polluted":true},"toString":1}'),
      ),
    },
    moves: 100_000n,
    sends: 1,
  },
  {
    what: "goods that are no JSON and hold bytes that are no text",
    service: { paid: settleThen((visit) => visit.answer(200, Buffer.from([0, 255, 254, 192, 128]))) },
    moves: 100_000n,
    sends: 1,
  },
];

// Their order on the chain does not matter, since each counts what its own addresses were paid; at the end all
// of it is held against what left the wallet.
describe.concurrent("what a hostile service is paid, and what the user is told", () => {
  test.each([...quoteCases, ...paymentCases])("$what: $moves", async ({ what, service, moves, code, sends }) => {
    const stall = world.open(what.replaceAll(/\W+/g, "-"), service);
    const { id } = await server.createSession();
    const client = await server.connect(id);

    const execution = execute(client, `pay_service ${JSON.stringify({ service: stall.name })}`);
    await client.end(execution);

    const paid = await world.paidTo(stall);
    expect(paid).toBe(moves);
    const [result] = dataOf(client, execution, "tool_result");
    expect(result).toMatchObject({ success: code === undefined });
    expect(result?.error?.code).toBe(code);
    expect(usdcUnits(result?.cost?.amount ?? "0.00")).toBe(moves);
    const { body: session } = await server.http("GET", `/sessions/${id}`);
    expect(usdcUnits(session.budget.spent)).toBe(moves);
    expect(session.budget.reserved).toBe("0.00");
    expect(stall.payments).toHaveLength(sends);
    expect(new Set(stall.payments).size).toBeLessThanOrEqual(1);
    await client.close();
  });
});

test("nothing left the wallet but what these services were paid, and no payment reached another host", async () => {
  const paid = await Promise.all(world.shop.stalls.map((stall) => world.paidTo(stall)));

  expect(await world.paidInAll()).toBe(paid.reduce((sum, amount) => sum + amount, 0n));
  expect(strangersVisits).toEqual([]);
});

function usdcUnits(amount: string): bigint {
  const [whole = "", fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.padEnd(6, "0"));
}

function swapCase(address: string): string {
  return address.replace(/[a-fA-F](?=[^a-fA-F]*$)/, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

function pourForEver(response: Visit["response"]): void {
  response.writeHead(200, { "content-type": "application/json" });
  const chunk = Buffer.alloc(64 * 1024, "a");
  const pour = () => {
    while (response.write(chunk));
  };
  response.on("drain", pour);
  pour();
}
