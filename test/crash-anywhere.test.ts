import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ServerEvent } from "../src/protocol/events.ts";
import { dataOf } from "./support/events-of.ts";
import { seededRandom } from "./support/seeded-random.ts";
import { databaseForProcesses, type ServerProcess, startProcess } from "./support/server-process.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";

const kills = Number(process.env.CRASH_KILLS ?? 10);
const seed = Number(process.env.CRASH_SEED ?? 26);
const random = seededRandom(seed);
const config = { tools: { append: "allow" }, approval_threshold_usd: "1", budget_usd: "60" };

/** Commands that read, write, pay, and pay more than goes without a question. */
function randomCommand(number: number): string {
  const commands = [
    "look {}",
    `append {"line":"line-${number}"}`,
    'pay_service {"service":"market-data"}',
    'pay_service {"service":"market-data"}',
    'pay_service {"service":"news"}',
    `look {} && append {"line":"line-${number}"} && pay_service {"service":"market-data"}`,
  ];
  return commands[random(commands.length)] ?? "look {}";
}

/** Says yes to payments, as often as a reconnect shows the question, and no to writes that may have happened. */
async function decideAll(client: TestClient): Promise<void> {
  const decided = new Set<string>();
  const isNew = (event: ServerEvent) => event.type === "approval_required" && !decided.has(event.data.request_id);
  for (;;) {
    const event = await client.find(isNew, 3_600_000);
    if (event.type !== "approval_required") throw new Error("It is what was looked for.");
    const { request_id, tool_name } = event.data;
    decided.add(request_id);
    client.send({ type: tool_name === "append" ? "reject" : "approve", data: { request_id } });
  }
}

async function watch(server: ServerProcess, sessionId: string): Promise<TestClient> {
  const client = await server.connect(sessionId, { lastSeq: 0 });
  // It ends with the socket.
  void decideAll(client).catch(() => undefined);
  return client;
}

test(
  `whenever the server is killed, everything ends and every cent is accounted for (${kills} kills, seed ${seed})`,
  async () => {
    const database = await databaseForProcesses();
    let server = await startProcess(database, "faulty");
    const sessions = await Promise.all([server.createSession(config), server.createSession(config)]);
    const sent: { sessionId: string; executionId: string; command: string }[] = [];

    for (let kill = 1; kill <= kills; kill++) {
      const clients = await Promise.all(sessions.map(({ id }) => watch(server, id)));
      for (const [index, client] of clients.entries()) {
        for (let count = random(3) + 1; count > 0; count--) {
          const command = randomCommand(sent.length);
          sent.push({ sessionId: sessions[index]?.id ?? "", executionId: execute(client, command), command });
        }
      }
      // The moment of the kill is what is random here; nothing is waited for.
      await delay(random(400));
      await server.kill();
      server = await startProcess(database, "faulty");
    }

    const clients = new Map(await Promise.all(sessions.map(async ({ id }) => [id, await watch(server, id)] as const)));
    const clientOf = (sessionId: string) => {
      const client = clients.get(sessionId);
      if (client === undefined) throw new Error("Every session is watched.");
      return client;
    };
    // What the killed server never took is sent again under its id; what it did take is answered, not repeated.
    for (const { sessionId, executionId, command } of sent) {
      execute(clientOf(sessionId), command, { execution_id: executionId });
      await clientOf(sessionId).end(executionId);
    }

    let paidCents = 0n;
    for (const { id } of sessions) {
      const costs = sent
        .filter(({ sessionId }) => sessionId === id)
        .flatMap(({ executionId }) => dataOf(clientOf(id), executionId, "tool_result"))
        .map(({ cost }) => cents(cost?.usd ?? "0.00"));
      const told = costs.reduce((sum, cost) => sum + cost, 0n);
      const { body } = await server.http("GET", `/sessions/${id}`);
      expect(body.budget).toMatchObject({ reserved: "0.00" });
      expect(cents(body.budget.spent)).toBe(told);
      paidCents += told;
    }
    const { body: wallet } = await server.http("GET", "/wallet");
    expect(cents(wallet.amount)).toBe(10_000n - paidCents);
    expect(paidCents).toBeGreaterThan(0n);
    const effects = join(database.dataDir, "effects.log");
    const lines = existsSync(effects) ? readFileSync(effects, "utf8").trim().split("\n") : [];
    expect(new Set(lines).size).toBe(lines.length);
    await server.closeClients();
  },
  60_000 + kills * 10_000,
);

function cents(amount: string): bigint {
  return BigInt(amount.replace(".", ""));
}
