import { afterAll, beforeAll, expect, test } from "vitest";
import { callRpc } from "../src/payments/json-rpc.ts";
import { dataOf } from "./support/events-of.ts";
import { usdcBalanceOf, walletAddressOf } from "./support/local-chain.ts";
import { type PaidServer, startPaidServer } from "./support/paid-server.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute } from "./support/test-server.ts";

let server: PaidServer;
/** Somebody on the chain who has nothing. */
const receiver = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

beforeAll(async () => {
  server = await startPaidServer({ model: callingModel() });
});

afterAll(() => server.remove());

async function transfer(args: Record<string, unknown>, config: Record<string, unknown> = {}) {
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  const execution = execute(client, `transfer ${JSON.stringify({ currency: "USDC", ...args })}`);
  return { id, client, execution };
}

test("a transfer moves exactly its amount to the address, and its receipt is the chain's", async () => {
  const before = await usdcBalanceOf(server.world, receiver);
  const { client, execution } = await transfer({ to: receiver, amount: "0.75" });

  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({
    success: true,
    result: { payment: { payee: receiver, amount: "0.75", currency: "USDC" } },
    cost: { amount: "0.75", usd: "0.75" },
  });
  expect(before).toBe("0.00");
  expect(await usdcBalanceOf(server.world, receiver)).toBe("0.75");
  const { body: payment } = await server.http("GET", `/payments/${result?.cost?.payment_id}`);
  expect(payment).toMatchObject({ state: "settled", terms: { kind: "transfer" }, tx_hash: result?.cost?.tx_hash });
  expect(payment.content).toBeUndefined();
  expect(payment.timeline.map(({ state }: { state: string }) => state)).toEqual([
    "quoted",
    "reserved",
    "signed",
    "sent",
    "settled",
  ]);
  const onChain = await callRpc(server.world.rpcUrl, "eth_getTransactionReceipt", [payment.receipt.tx_hash]);
  expect(onChain).toMatchObject({ status: "0x1", blockNumber: `0x${BigInt(payment.receipt.block).toString(16)}` });
  expect(payment.receipt).toMatchObject({
    payer: await walletAddressOf(server.world),
    payee: receiver,
    amount: "0.75",
  });
});

test("a transfer above the threshold waits as quoted for a human, and goes when approved", async () => {
  const { id, client, execution } = await transfer({ to: receiver, amount: "12" });
  const { data: request } = await client.first("approval_required", execution);
  const { body: waiting } = await server.http("GET", `/payments?session_id=${id}`);

  client.send({ type: "approve", data: { request_id: request.request_id } });
  const end = await client.end(execution);

  expect(waiting.data).toMatchObject([{ state: "quoted", amount: "12.00", pay_to: receiver }]);
  expect(end).toMatchObject({ type: "complete", data: { success: true, total_cost: "12.00 USD" } });
  const { body: done } = await server.http("GET", `/payments?session_id=${id}`);
  expect(done.data).toMatchObject([{ payment_id: waiting.data[0].payment_id, state: "settled" }]);
});

test("a transfer that a human rejects ends its quote, and no money moves", async () => {
  const before = await usdcBalanceOf(server.world, await walletAddressOf(server.world));
  const { id, client, execution } = await transfer({ to: receiver, amount: "12" });
  const { data: request } = await client.first("approval_required", execution);

  client.send({ type: "reject", data: { request_id: request.request_id } });
  await client.end(execution);

  const { body } = await server.http("GET", `/payments?session_id=${id}`);
  expect(body.data).toMatchObject([{ state: "cancelled", ended_at: expect.any(String) }]);
  expect(await usdcBalanceOf(server.world, await walletAddressOf(server.world))).toBe(before);
});

test("money that cannot arrive is not sent, and the sentence says why", async () => {
  const { token } = server.world;
  const walletAddress = await walletAddressOf(server.world);
  const cases: [string, Record<string, unknown>, RegExp][] = [
    ["an altered digit", { to: receiver.replace("5aAe", "6aAe") }, /checksum/],
    ["an altered case", { to: receiver.replace("5aAe", "5AAe") }, /checksum/],
    ["the zero address", { to: `0x${"0".repeat(40)}` }, /belongs to nobody/],
    ["its own address", { to: walletAddress }, /own address/],
    ["its own address without checksum", { to: walletAddress.toLowerCase() }, /own address/],
    ["the token's contract", { to: token.address }, /contract itself/],
    ["a name", { to: "alice" }, /40 hexadecimal digits/],
    ["nothing", { amount: "0.00" }, /above 0/],
    ["a part of the smallest unit", { amount: "0.0000001" }, /decimal places/],
    ["another currency", { currency: "EUR" }, /USDC/],
  ];
  const before = await usdcBalanceOf(server.world, walletAddress);

  for (const [what, args, sentence] of cases) {
    const { client, execution } = await transfer({ to: receiver, amount: "1", ...args });
    await client.end(execution);

    const [result] = dataOf(client, execution, "tool_result");
    expect([what, result?.error]).toEqual([
      what,
      { code: "invalid_arguments", message: expect.stringMatching(sentence) },
    ]);
  }
  expect(await usdcBalanceOf(server.world, walletAddress)).toBe(before);
});

test("more than the wallet holds is not signed, and what was set aside comes back", async () => {
  const config = {
    budget_usd: "5000",
    daily_budget_usd: "5000",
    approval_threshold_usd: "5000",
    max_payment_usd: "5000",
  };
  const { id, client, execution } = await transfer({ to: receiver, amount: "4000" }, config);

  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result?.error).toMatchObject({
    code: "payment_failed",
    message: expect.stringContaining("less than the 4000"),
  });
  expect(dataOf(client, execution, "budget").at(-1)).toMatchObject({ spent: "0.00", reserved: "0.00" });
  const { body } = await server.http("GET", `/payments?session_id=${id}`);
  expect(body.data).toMatchObject([{ state: "cancelled" }]);
});
