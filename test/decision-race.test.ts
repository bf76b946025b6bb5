import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServerEvent } from "../src/protocol/events.ts";
import { settled } from "./support/ask.ts";
import { type Answer, isLinearizable, type Operation } from "./support/decision-history.ts";
import { dataOf } from "./support/events-of.ts";
import { type FakeWorld, fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const histories = 2000;
const historiesPerSession = 20;
const sessionsAtOnce = 8;
const seed = Number(process.env.PAYGENT_TEST_SEED ?? Date.now() % 2 ** 31);
const users = ["alice", "bob", "carol"] as const;

/** What one socket does, in order; `waits` for the answer to what it did before, or only for some turns of the loop. */
const Step = fc.record({
  kind: fc.constantFrom<Operation["kind"]>("approve", "reject", "edit", "bad_edit", "cancel"),
  waits: fc.boolean(),
  turns: fc.nat(4),
});
const Plan = fc.array(fc.array(Step, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 8 });
type Plan = ReturnType<typeof plans>[number];

function plans() {
  return fc.sample(Plan, { numRuns: histories, seed });
}

let server: TestServer;
let world: FakeWorld;

beforeAll(async () => {
  world = fakeWorld();
  server = await startTestServer({ model: callingModel(), world, messagesPerSecond: 1_000_000 });
});

afterAll(() => server.remove());

/** One place in time after another, over all sockets of a session. */
class Recorder {
  readonly #answeredAt = new Map<string, number>();
  #now = 0;

  watch(client: TestClient): void {
    client.socket.on("message", (data) => {
      // The tests' own client has parsed this text already.
      const { ref } = JSON.parse(data.toString()) as ServerEvent;
      if (ref !== undefined && !this.#answeredAt.has(ref)) this.#answeredAt.set(ref, this.tick());
    });
  }

  tick(): number {
    this.#now += 1;
    return this.#now;
  }

  answeredAt(ref: string): number {
    return this.#answeredAt.get(ref) ?? Number.MAX_SAFE_INTEGER;
  }
}

function messageOf(kind: Operation["kind"], request_id: string, execution_id: string) {
  switch (kind) {
    case "cancel":
      return { type: "cancel", data: { execution_id } };
    case "edit":
      return { type: "edit", data: { request_id, edited_args: { service: "news", path: execution_id } } };
    case "bad_edit":
      return { type: "edit", data: { request_id, edited_args: { service: "news", tool_name: "transfer" } } };
    case "approve":
    case "reject":
      return { type: kind, data: { request_id } };
  }
}

function answerOf(event: ServerEvent | undefined): Answer {
  if (event === undefined) return { kind: "silent" };
  if (event.type !== "error") return { kind: "won" };
  const { code, details } = event.data;
  return {
    kind: "refused",
    code,
    ...(details === undefined ? {} : { decision: String(details.decision), decidedBy: String(details.decided_by) }),
  };
}

/** Waits for the answers to all that a socket sent; an edit lets what is behind it pass. */
async function allAnswered(client: TestClient, sent: readonly { id: string; kind: Operation["kind"] }[]) {
  await settled(client);
  const edits = sent.filter(({ kind }) => kind === "edit" || kind === "bad_edit");
  await Promise.all(edits.map(({ id }) => client.answerTo(id)));
}

/** Lets the sockets race on one request and gives what each of them did and was answered. */
async function race(clients: readonly { client: TestClient; by: string }[], plan: Plan, recorder: Recorder) {
  const [owner] = clients;
  if (owner === undefined) throw new Error("There is no socket.");
  // Each buys something of its own: what an earlier race paid for and did not get is not paid again.
  const execution = randomUUID();
  execute(owner.client, `pay_service {"service":"premium-report","path":"${execution}"}`, { execution_id: execution });
  const asked = clients.map(({ client }) => client.first("approval_required", execution));
  const [request] = await Promise.all(asked);
  const requestId = request?.data.request_id ?? "";

  const sockets = plan.map(async (steps, index) => {
    const { client, by } = clients[index] ?? owner;
    const sent: { id: string; kind: Operation["kind"]; sentAt: number }[] = [];
    for (const { kind: wanted, waits, turns } of steps) {
      // Only the owner may cancel.
      const kind = wanted === "cancel" && by !== "alice" ? "reject" : wanted;
      if (waits) await allAnswered(client, sent);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      const id = randomUUID();
      sent.push({ id, kind, sentAt: recorder.tick() });
      client.send({ ...messageOf(kind, requestId, execution), id });
    }
    await allAnswered(client, sent);
    // An edit lets what is behind it pass; of a cancellation there may be no answer.
    const answered = sent.filter(({ kind }) => kind !== "cancel").map(({ id }) => client.answerTo(id));
    await Promise.all(answered);
    return { client, by, sent };
  });
  const done = await Promise.all(sockets);
  // A plan of nothing but faulty edits leaves the request open.
  owner.client.send({ type: "cancel", data: { execution_id: execution } });
  await Promise.all(clients.map(({ client }) => client.end(execution)));

  const operations = done.flatMap(({ client, by, sent }) =>
    sent.map(({ id, kind, sentAt }): Operation => {
      const answer = answerOf(client.events.find(({ ref }) => ref === id));
      return { kind, by, sentAt, answeredAt: recorder.answeredAt(id), answer };
    }),
  );
  return { execution, operations, client: owner.client };
}

/** What was paid for an execution, in units of a millionth. */
function paidFor(execution: string): bigint[] {
  const nonces = world.settled.filter((nonce) => nonce.startsWith(execution));
  return nonces.map((nonce) => BigInt(world.signed.get(nonce)?.amount ?? 0));
}

async function runSession(ofSession: readonly Plan[]): Promise<void> {
  const money = { budget_usd: "1000000", daily_budget_usd: "10000000" };
  const { id } = await server.createSession({ approvers: [...users], ...money });
  const recorder = new Recorder();
  const clients: { client: TestClient; by: string }[] = [];
  for (let index = 0; index < Math.max(...ofSession.map((plan) => plan.length)); index++) {
    const by = users[index % users.length] ?? "alice";
    const client = await server.connect(id, { userId: by });
    recorder.watch(client);
    clients.push({ client, by });
  }
  let spent = 0n;
  for (const plan of ofSession) {
    const { execution, operations, client } = await race(clients, plan, recorder);
    const story = `seed ${seed}: ${JSON.stringify(operations)}`;
    const winners = ["approved", "rejected", "edit_approved"].flatMap((type) =>
      dataOf(client, execution, type as "approved").map(({ decision }) => decision),
    );
    const paid = paidFor(execution);

    expect(isLinearizable(operations), story).toBe(true);
    expect(winners.length, story).toBeLessThanOrEqual(1);
    expect(operations.filter(({ kind, answer }) => kind !== "cancel" && answer.kind === "won").length, story).toBe(
      winners.length,
    );
    const mayPay = { approved: [25_000_000n], edited: [2_000_000n], rejected: [] }[winners[0] ?? "rejected"];
    expect([[], mayPay], story).toContainEqual(paid);
    if (dataOf(client, execution, "complete").length > 0) expect(paid, story).toEqual(mayPay);
    spent += paid.reduce((sum, amount) => sum + amount, 0n);
  }
  const { body } = await server.http("GET", `/sessions/${id}`);
  expect(body.budget).toMatchObject({ spent: `${spent / 1_000_000n}.00`, reserved: "0.00" });
  await Promise.all(clients.map(({ client }) => client.close()));
}

test(`in ${histories} races of 2 to 8 sockets over one request, one decision wins and everybody else is told which`, {
  timeout: 300_000,
}, async () => {
  const all = plans();
  const sessions = Array.from({ length: histories / historiesPerSession }, (_, index) =>
    all.slice(index * historiesPerSession, (index + 1) * historiesPerSession),
  );

  const lanes = Array.from({ length: sessionsAtOnce }, async () => {
    for (let next = sessions.pop(); next !== undefined; next = sessions.pop()) await runSession(next);
  });

  await Promise.all(lanes);
});

test("the checker refuses two winners, a wrong name of the winner, and a decision after the end", () => {
  const base = { by: "alice", sentAt: 1, answeredAt: 9 } as const;
  const won = { kind: "won" } as const;

  const twoWinners = isLinearizable([
    { ...base, kind: "approve", answer: won },
    { ...base, kind: "reject", answer: won },
  ]);
  const wrongName = isLinearizable([
    { ...base, kind: "approve", answer: won },
    {
      ...base,
      kind: "reject",
      answer: { kind: "refused", code: "already_decided", decision: "rejected", decidedBy: "alice" },
    },
  ]);
  const tooLate = isLinearizable([
    { ...base, kind: "cancel", answer: won, answeredAt: 2 },
    { ...base, kind: "approve", answer: won, sentAt: 3 },
  ]);

  expect({ twoWinners, wrongName, tooLate }).toEqual({ twoWinners: false, wrongName: false, tooLate: false });
});
