import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { findAnvil } from "../src/payments/anvil.ts";
import { viewLocalChain } from "../src/payments/local-transfers.ts";
import { dataOf } from "./support/events-of.ts";
import { databaseForProcesses, type FaultPoint, startProcess } from "./support/server-process.ts";
import { execute } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

const settled = { type: "complete", data: { success: true } };

async function amountsOf(folder: string): Promise<bigint[]> {
  return (await (await viewLocalChain(join(folder, "chain"))).transfers()).map(({ value }) => value);
}

test.skipIf(!isShared)(
  "servers on one database and data folder pay on one local chain, each payment once",
  async () => {
    const database = await databaseForProcesses();
    const servers = await Promise.all([startProcess(database, "paygent"), startProcess(database, "paygent")]);

    const ends = servers.flatMap(async (server) => {
      const { id } = await server.createSession();
      const client = await server.connect(id);
      const executions = Array.from({ length: 3 }, () => execute(client, "pay 0.10 USDC to market-data"));
      return await Promise.all(executions.map((execution) => client.end(execution)));
    });

    expect((await Promise.all(ends)).flat()).toMatchObject(Array.from({ length: 6 }, () => settled));
    expect(await amountsOf(database.dataDir)).toEqual(Array.from({ length: 6 }, () => 100_000n));
    for (const server of servers) expect((await server.http("GET", "/wallet")).body.amount).toBe("99.40");
  },
);

test.skipIf(!isShared).each<FaultPoint>([
  { point: "step", step: "settle", when: "before" },
  { point: "step", step: "settle", when: "after" },
])(
  "the chain's keeper is killed ($when $step) in a payment, and another server keeps the chain and ends it",
  async (point) => {
    const database = await databaseForProcesses();
    const keeper = await startProcess(database, "faulty");
    const other = await startProcess(database, "faulty");
    const { id } = await keeper.createSession();
    const client = await other.connect(id, { lastSeq: 0 });
    await keeper.failAt(point);

    const execution = execute(await keeper.connect(id), 'pay_service {"service":"market-data"}');
    await keeper.ended;

    expect(await client.end(execution)).toMatchObject(settled);
    expect(await amountsOf(database.dataDir)).toEqual([100_000n]);
    const back = await startProcess(database, "faulty");
    const again = await back.connect((await back.createSession()).id);
    expect(await again.end(execute(again, 'pay_service {"service":"news"}'))).toMatchObject(settled);
    expect(dataOf(client, execution, "tool_result")).toHaveLength(1);
  },
);

test.skipIf(!isShared)(
  "servers that are stopped one by one leave the chain to those that stay, and the last one ends it",
  async () => {
    const database = await databaseForProcesses();
    const keeper = await startProcess(database, "paygent");
    const other = await startProcess(database, "paygent");

    expect(await keeper.stop()).toBe(0);

    expect(await findAnvil(join(database.dataDir, "chain"))).toBeDefined();
    const client = await other.connect((await other.createSession()).id);
    // Between two keepers there is no merchant for a moment.
    await vi.waitFor(
      async () => expect(await client.end(execute(client, "pay 0.10 USDC to market-data"))).toMatchObject(settled),
      { timeout: 10_000, interval: 100 },
    );
    await client.close();
    expect(await other.stop()).toBe(0);
    expect(await findAnvil(join(database.dataDir, "chain"))).toBeUndefined();
  },
);
