import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { runSql } from "./support/store-fault.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute } from "./support/test-server.ts";
import { readTool } from "./support/test-tools.ts";
import { isShared, twoNodes } from "./support/two-nodes.ts";

const races = 40;

test.skipIf(!isShared)("a cancel on one node stops what runs on the other", async () => {
  const started = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const hang = readTool("hang", (_args, { signal }) => {
    signal.addEventListener("abort", () => stopped.resolve());
    started.resolve();
    return stopped.promise;
  });
  // No sweep finds it meanwhile: the other node is told.
  const [one, other] = await twoNodes({ tools: [hang], worker: { sweepMs: 600_000 } });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);
  const execution = execute(near, "hang {}");
  await started.promise;

  far.send({ type: "cancel", data: { execution_id: execution }, id: "stop" });
  await stopped.promise;

  expect(await far.end(execution)).toMatchObject({ type: "cancelled", ref: "stop", data: { by: "alice" } });
  expect(await near.end(execution)).toMatchObject({ type: "cancelled" });
});

/** One payment after another on two nodes, each until it is asked about; `race` decides, and sees what came of it. */
async function raceOverPayments(
  parts: Parameters<typeof twoNodes>[0],
  race: (asked: { near: TestClient; far: TestClient; execution: string; request_id: string }) => Promise<void>,
): Promise<void> {
  const [one, other] = await twoNodes(parts);
  const { id } = await one.createSession({
    approval_threshold_usd: "1",
    budget_usd: "1000",
    daily_budget_usd: "1000",
  });
  const near = await one.connect(id);
  const far = await other.connect(id);

  for (let done = 0; done < races; done++) {
    const execution = execute(done % 2 === 0 ? near : far, 'pay_service {"service":"news"}');
    const shown = await Promise.all([near, far].map((client) => client.first("approval_required", execution)));
    await race({ near, far, execution, request_id: shown[0]?.data.request_id ?? "" });
  }
}

test.skipIf(!isShared)(`of decisions on two nodes at once one counts (${races} races)`, async () => {
  await raceOverPayments({}, async ({ near, far, execution, request_id }) => {
    const answers = await Promise.all([
      ask(near, "approve", { request_id }),
      ask(far, "reject", { request_id }),
      ask(far, "approve", { request_id }),
    ]);
    await Promise.all([near.end(execution), far.end(execution)]);

    const won = answers.filter(({ type }) => type !== "error");
    expect(won).toHaveLength(1);
    const refusals = answers.filter((answer) => answer.type === "error").map((answer) => answer.data);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: "already_decided" });
    const decided = [...dataOf(near, execution, "approved"), ...dataOf(near, execution, "rejected")];
    expect(decided).toHaveLength(1);
  });
});

test.skipIf(!isShared)("an edit on one node changes what was asked, and is paid, on the other", async () => {
  const world = fakeWorld();
  const [one, other] = await twoNodes({ world });
  const { id } = await one.createSession({ approval_threshold_usd: "1" });
  const near = await one.connect(id);
  const far = await other.connect(id);
  const execution = execute(near, 'pay_service {"service":"premium-report"}');
  const { data } = await far.first("approval_required", execution);

  const answer = await ask(far, "edit", { request_id: data.request_id, edited_args: { service: "news" } });

  expect(answer).toMatchObject({ type: "edit_approved", data: { edited_args: { service: "news" } } });
  for (const client of [near, far])
    expect(await client.end(execution)).toMatchObject({ type: "complete", data: { total_cost: "2.00 USD" } });
  expect([...world.signed.values()]).toMatchObject([{ amount: "2000000" }]);
});

test.skipIf(!isShared)(`of edits and approvals on two nodes at once one counts (${races} races)`, async () => {
  const world = fakeWorld();
  await raceOverPayments({ world }, async ({ near, far, execution, request_id }) => {
    const paidBefore = world.settled.length;
    const answers = await Promise.all([
      ask(near, "edit", { request_id, edited_args: { service: "market-data" } }),
      ask(far, "approve", { request_id }),
      ask(far, "edit", { request_id, edited_args: { service: "premium-report" } }),
    ]);
    await Promise.all([near.end(execution), far.end(execution)]);

    expect(answers.filter(({ type }) => type !== "error")).toHaveLength(1);
    for (const answer of answers)
      if (answer.type === "error") expect(answer.data).toMatchObject({ code: "already_decided" });
    expect(world.settled).toHaveLength(paidBefore + 1);
  });
});

test.skipIf(!isShared).each(["quote", "sign"] as const)(
  "a freeze on one node stops a payment that the other one is about to make, at %s",
  async (step) => {
    const world = fakeWorld();
    const reached = Promise.withResolvers<void>();
    const frozen = Promise.withResolvers<void>();
    const { quote, sign } = world.wallet;
    const hold = async () => {
      reached.resolve();
      await frozen.promise;
    };
    if (step === "quote") world.wallet.quote = (...given) => hold().then(() => quote(...given));
    else world.wallet.sign = (...given) => hold().then(() => sign(...given));
    const [one, other] = await twoNodes({ world });
    const { id } = await one.createSession();
    const near = await one.connect(id);
    const far = await other.connect(id);
    const execution = execute(near, 'pay_service {"service":"news"}');
    await reached.promise;

    const { status } = await other.http("POST", "/freeze", { body: { scope: "session", session_id: id } });
    frozen.resolve();
    await Promise.all([near, far].map((client) => client.end(execution)));

    expect(status).toBe(200);
    expect(dataOf(far, execution, "tool_result")[0]?.error).toMatchObject({
      code: "policy_denied",
      details: { rule: "freeze" },
    });
    expect(world.settled).toEqual([]);
    if (step === "quote") expect(world.signed.size).toBe(0);
  },
);

test.skipIf(!isShared)("the same execution id sent to both nodes at once starts one execution", async () => {
  const [one, other] = await twoNodes({ tools: [readTool("look", () => "seen")] });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);

  for (let round = 0; round < 20; round++) {
    const execution = randomUUID();
    for (const client of [near, far, near, far]) execute(client, "look {}", { execution_id: execution });
    await Promise.all([near.end(execution), far.end(execution)]);
  }

  const { body } = await other.http("GET", `/sessions/${id}/executions?limit=100`);
  expect(body.data).toHaveLength(20);
});

test.skipIf(!isShared)("a session that is terminated on one node is closed on the other", async () => {
  const [one, other] = await twoNodes();
  const { id } = await one.createSession();
  const far = await other.connect(id);

  await one.http("DELETE", `/sessions/${id}`);

  expect(await far.closed).toMatchObject({ code: 4409 });
});

test.skipIf(!isShared)("a session that another node terminated unheard is closed all the same", async () => {
  const [one] = await twoNodes({ pollMs: 50 });
  const { id } = await one.createSession();
  const client = await one.connect(id);

  await runSql(one.database, `update sessions set status = 'terminated' where id = '${id}'`);

  expect(await client.closed).toMatchObject({ code: 4409 });
});

test.skipIf(!isShared)("what a full node cannot take is done by another, users by turns", async () => {
  const doors = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
  let entered = 0;
  const hold = readTool("hold", async () => doors[entered++]?.promise);
  const look = readTool("look", () => "seen");
  const [one, other] = await twoNodes({ tools: [hold, look], worker: { sweepMs: 50, maxRuns: 1 } });
  const busy = await one.connect((await one.createSession()).id);
  const holding = [execute(busy, "hold {}")];
  const alsoBusy = await other.connect((await other.createSession()).id);
  await busy.first("tool_call", holding[0]);
  holding.push(execute(alsoBusy, "hold {}"));
  await alsoBusy.first("tool_call", holding[1]);
  // Both nodes are full: alice asks for much, and bob, who comes last, for one thing.
  const order: string[] = [];
  const ends: Promise<unknown>[] = [];
  const send = async (userId: string) => {
    const { id } = await one.createSession({}, userId);
    const client = await one.connect(id, { userId });
    const execution = execute(client, "look {}");
    await client.first("execution_started", execution);
    ends.push(client.end(execution).then(() => order.push(userId)));
  };
  for (let count = 0; count < 6; count++) await send("alice");
  await send("bob");

  doors[0]?.resolve();
  await Promise.all(ends);

  expect(order.indexOf("bob")).toBeLessThan(4);
  doors[1]?.resolve();
  await alsoBusy.end(holding[1] ?? "");
});
