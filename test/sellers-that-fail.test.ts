import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServerEvent } from "../src/protocol/events.ts";
import { dataOf } from "./support/events-of.ts";
import { goods, type Stall, type Visit } from "./support/hostile-shop.ts";
import { type HostileWorld, startHostileWorld } from "./support/hostile-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const sellers = 200;
const atOnce = 10;
let world: HostileWorld;
let server: TestServer;

beforeAll(async () => {
  world = await startHostileWorld();
  server = await startTestServer({ world, model: callingModel() });
});

// The world goes with it.
afterAll(() => server.remove());

/** How a seller fails once it has the money; what it says may ask for more. */
const failures: readonly ((visit: Visit) => unknown)[] = [
  (visit) => visit.answer(500, '{"error":"try again"}'),
  (visit) => visit.answer(503, goods, { "retry-after": "0" }),
  (visit) => visit.demand([visit.stall.option()]),
  (visit) => visit.demand([visit.stall.option({ amount: "200000" })]),
  (visit) => visit.answer(402, '{"error":"nonce_already_used; sign again"}'),
  (visit) => visit.answer(404, "gone"),
  (visit) => visit.answer(302, "", { location: visit.stall.url }),
  (visit) => visit.response.socket?.destroy(),
];

function openSeller(number: number): Stall {
  const fail = failures[number % failures.length] ?? failures[0];
  return world.open(`seller-${number}`, {
    async paid(visit) {
      if (visit.payments === 1) expect(await visit.settle()).toMatchObject({ success: true });
      await fail?.(visit);
    },
  });
}

/** Asks for the same thing, and refuses to pay for it where a person is asked. */
async function buy(client: TestClient, stall: Stall) {
  const execution = execute(client, `pay_service ${JSON.stringify({ service: stall.name })}`);
  const isOf = ({ data }: ServerEvent) => "execution_id" in data && data.execution_id === execution;
  const next = await client.find(
    (event) => isOf(event) && ["approval_required", "complete", "error"].includes(event.type),
  );
  if (next.type === "approval_required") client.send({ type: "reject", data: { request_id: next.data.request_id } });
  await client.end(execution);
  return { wasAsked: next.type === "approval_required", result: dataOf(client, execution, "tool_result")[0] };
}

async function buyThrice(number: number) {
  const stall = openSeller(number);
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const tries = [await buy(client, stall), await buy(client, stall), await buy(client, stall)];
  const { body: session } = await server.http("GET", `/sessions/${id}`);
  await client.close();
  return { stall, tries, budget: session.budget, paid: await world.paidTo(stall) };
}

test(`of ${sellers} sellers that fail once they are paid, each is paid once, however often it is asked`, async () => {
  const numbers = Array.from({ length: sellers }, (_, number) => number).values();
  const ends: Awaited<ReturnType<typeof buyThrice>>[] = [];
  const work = async () => {
    for (const number of numbers) ends.push(await buyThrice(number));
  };
  await Promise.all(Array.from({ length: atOnce }, work));

  expect(ends).toHaveLength(sellers);
  expect(ends.filter(({ paid }) => paid !== 100_000n)).toEqual([]);
  expect(ends.filter(({ stall }) => new Set(stall.payments).size !== 1)).toEqual([]);
  expect(ends.filter(({ budget }) => budget.spent !== "0.10" || budget.reserved !== "0.00")).toEqual([]);
  for (const { tries } of ends) {
    const [first, ...more] = tries;
    expect(first).toMatchObject({ wasAsked: false, result: { success: false, cost: { amount: "0.10" } } });
    expect(more).toMatchObject(more.map(() => ({ wasAsked: true, result: { success: false } })));
    expect(more.flatMap(({ result }) => result?.cost ?? [])).toEqual([]);
  }
  expect(await world.paidInAll()).toBe(BigInt(sellers) * 100_000n);
}, 180_000);
