import { join } from "node:path";
import { createPublicClient, http, parseAbiItem } from "viem";
import { expect, test } from "vitest";
import { adoptAnvil } from "../src/payments/anvil.ts";
import { dataOf } from "./support/events-of.ts";
import { databaseForProcesses, startProcess } from "./support/server-process.ts";
import { execute } from "./support/test-server.ts";

const transfer = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)");

/** The transfers that a transaction on the local chain of a data folder made. */
async function transfersOf(dataDir: string, txHash: string) {
  const chain = await adoptAnvil(join(dataDir, "chain"));
  if (chain === undefined) throw new Error("The chain is not running.");
  const client = createPublicClient({ transport: http(chain.rpcUrl) });
  // A receipt is looked up by the hash that the server gave.
  const receipt = await client.getTransactionReceipt({ hash: txHash as `0x${string}` });
  const logs = await client.getLogs({ event: transfer, blockHash: receipt.blockHash });
  return logs.filter(({ transactionHash }) => transactionHash === txHash);
}

test("a payment by the server that `paygent start` runs is a transfer on the chain", async () => {
  const database = await databaseForProcesses();
  const server = await startProcess(database, "paygent");
  const { id } = await server.createSession();
  const client = await server.connect(id);

  const execution = execute(client, "pay 0.10 USDC to market-data");
  await client.end(execution);

  const [result] = dataOf(client, execution, "tool_result");
  expect(result).toMatchObject({ success: true, cost: { amount: "0.10", currency: "USDC" } });
  const { body: wallet } = await server.http("GET", "/wallet");
  const transfers = await transfersOf(database.dataDir, result?.cost?.tx_hash ?? "");
  expect(transfers.map(({ args }) => args)).toEqual([
    { from: wallet.address, to: expect.any(String), value: 100_000n },
  ]);
  expect(wallet.amount).toBe("99.90");
  await server.closeClients();
});

test("an approval that is asked before a kill -9 is given after it, and the payment happens", async () => {
  const database = await databaseForProcesses();
  const killed = await startProcess(database, "paygent");
  const { id } = await killed.createSession();
  const before = await killed.connect(id);
  const execution = execute(before, "pay 25 USDC to premium-report");
  const { data: request } = await before.first("approval_required", execution);
  await killed.kill();
  const server = await startProcess(database, "paygent");
  const client = await server.connect(id, { lastSeq: 0 });
  const connected = await client.first("connected");

  client.send({ type: "approve", data: { request_id: request.request_id } });

  expect(connected.data.pending_approvals).toMatchObject([{ request_id: request.request_id, amount: "25.00" }]);
  expect(await client.end(execution)).toMatchObject({ type: "complete", data: { success: true } });
  const [result] = dataOf(client, execution, "tool_result");
  expect(await transfersOf(database.dataDir, result?.cost?.tx_hash ?? "")).toMatchObject([
    { args: { value: 25_000_000n } },
  ]);
  await server.closeClients();
});

test("a server that is asked to stop takes its chain along, and the next one finds the money where it was", async () => {
  const database = await databaseForProcesses();
  const first = await startProcess(database, "paygent");
  const { id } = await first.createSession();
  const client = await first.connect(id);
  await client.end(execute(client, "pay 2 USDC to news"));

  const exitCode = await first.stop();

  expect(exitCode).toBe(0);
  expect(await adoptAnvil(join(database.dataDir, "chain"))).toBeUndefined();
  const second = await startProcess(database, "paygent");
  expect((await second.http("GET", "/wallet")).body.amount).toBe("98.00");
});
