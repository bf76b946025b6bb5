import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { typesOf } from "./support/events-of.ts";
import { type FakeWorld, fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buyReport = 'pay_service {"service":"premium-report"}';
const approvers = ["alice", "bob", "carol", "dave"];
const two = { approvers, quorum: [{ above_usd: "20", approvals: 2 }], daily_budget_usd: "100000" };
let server: TestServer;
let world: FakeWorld;

beforeAll(async () => {
  world = fakeWorld();
  server = await startTestServer({ model: callingModel(), world });
});

afterAll(() => server.remove());

/** A session of Alice's in which a payment of 25 USD waits, with sockets of those who may decide. */
async function askAboutReport(config: Record<string, unknown> = two) {
  const { id } = await server.createSession(config);
  const sockets = await Promise.all(approvers.map((userId) => server.connect(id, { userId, lastSeq: 0 })));
  const [alice, bob, carol, dave] = sockets as [TestClient, TestClient, TestClient, TestClient];
  const execution = execute(alice, buyReport);
  const { data: request } = await alice.first("approval_required", execution);
  const approve = (client: TestClient, data: object = {}) =>
    ask(client, "approve", { request_id: request.request_id, ...data });
  return { id, alice, bob, carol, dave, execution, request, approve };
}

test("a payment above a tier runs once so many different people have approved, and each vote is told", async () => {
  const { id, alice, bob, carol, execution, request, approve } = await askAboutReport();

  const first = await approve(bob, { reason: "Fine." });
  const between = (await server.http("GET", "/approvals?status=pending")).body.data;
  const second = await approve(carol);
  await alice.end(execution);

  expect(request).toMatchObject({ rule: "quorum", approvals_needed: 2 });
  expect(first).toMatchObject({
    type: "approval_vote",
    data: { by: "bob", reason: "Fine.", approvals: 1, approvals_needed: 2 },
  });
  expect(between.some(({ session_id }: { session_id: string }) => session_id === id)).toBe(true);
  expect(second).toMatchObject({ type: "approved", data: { decided_by: "carol" } });
  expect(typesOf(alice, execution).filter((type) => type === "approval_vote")).toHaveLength(2);
  const { body: record } = await server.http("GET", `/approvals/${request.request_id}`);
  expect(record.votes).toMatchObject([{ by: "bob", reason: "Fine." }, { by: "carol" }]);
});

test("one person cannot vote twice", async () => {
  const { bob, request, approve } = await askAboutReport();
  await approve(bob);

  const again = await approve(bob);
  const { body } = await server.http("GET", `/approvals/${request.request_id}`);

  expect(again).toMatchObject({
    type: "error",
    data: { code: "already_decided", details: { decided_by: "bob", still_pending: true } },
  });
  expect(body).toMatchObject({ approval: { status: "pending" }, votes: [{ by: "bob" }] });
});

test("whoever gave the command cannot approve it, and may reject it", async () => {
  const { alice, execution, request, approve } = await askAboutReport();

  const approved = await approve(alice);
  const rejected = await ask(alice, "reject", { request_id: request.request_id });
  await alice.end(execution);

  expect(approved).toMatchObject({ type: "error", data: { code: "forbidden" } });
  expect(rejected).toMatchObject({ type: "rejected", data: { decided_by: "alice" } });
});

test("one rejection outweighs the votes before it", async () => {
  const { alice, bob, carol, dave, execution, request, approve } = await askAboutReport();
  const before = world.signed.size;
  await approve(bob);

  await ask(carol, "reject", { request_id: request.request_id });
  const late = await approve(dave);
  await alice.end(execution);

  expect(late).toMatchObject({ type: "error", data: { code: "already_decided", details: { decision: "rejected" } } });
  expect(world.signed.size).toBe(before);
});

test("a tier of one approval needs one other person", async () => {
  const { alice, bob, execution, approve } = await askAboutReport({
    ...two,
    quorum: [{ above_usd: "20", approvals: 1 }],
  });

  const own = await approve(alice);
  const other = await approve(bob);
  await alice.end(execution);

  expect([own.type, other.type]).toEqual(["error", "approved"]);
});

test("the highest tier that a payment is above counts, and a payment at a tier's amount is below it", async () => {
  const quorum = [
    { above_usd: "1", approvals: 1 },
    { above_usd: "20", approvals: 3 },
    { above_usd: "25", approvals: 2 },
  ];

  const { request } = await askAboutReport({ ...two, quorum });

  expect(request.approvals_needed).toBe(3);
});

test("a spend rule does not stand above a quorum, and an approval under one leaves none", async () => {
  const { bob, approve } = await askAboutReport();

  const answer = await approve(bob, { remember: { tool_name: "pay_service", max_amount: "30" } });

  expect(answer).toMatchObject({ type: "error", data: { code: "invalid_arguments" } });
});

test("an edit cannot make a payment that a quorum must approve, and can make a smaller one", async () => {
  const { id, bob, alice, execution, request } = await askAboutReport();
  const edit = (service: string) => ask(bob, "edit", { request_id: request.request_id, edited_args: { service } });

  const large = await edit("premium-report");
  const small = await edit("news");
  await alice.end(execution);

  expect(large).toMatchObject({ type: "error", data: { code: "policy_denied", details: { rule: "quorum" } } });
  expect(small).toMatchObject({ type: "edit_approved", data: { session_id: id } });
});

test("lowering the quorum lets no request through that waits, and raising it holds for it", async () => {
  const lowered = await askAboutReport();
  const raised = await askAboutReport();
  const patch = (id: string, quorum: unknown) =>
    server.http("PATCH", `/sessions/${id}`, { body: { config: { quorum } } });
  await patch(lowered.id, []);
  await patch(raised.id, [{ above_usd: "20", approvals: 3 }]);

  const first = await lowered.approve(lowered.bob);
  await raised.approve(raised.bob);
  const second = await raised.approve(raised.carol);

  expect(first).toMatchObject({ type: "approval_vote", data: { approvals: 1, approvals_needed: 2 } });
  expect(second).toMatchObject({ type: "approval_vote", data: { approvals: 2, approvals_needed: 3 } });
});

test("the vote of somebody who is no approver any more does not count", async () => {
  const { id, bob, carol, dave, approve } = await askAboutReport();
  await approve(bob);
  await server.http("PATCH", `/sessions/${id}`, { body: { config: { approvers: ["alice", "carol", "dave"] } } });

  const second = await approve(carol);
  const third = await approve(dave);

  expect(second).toMatchObject({ type: "approval_vote", data: { approvals: 1 } });
  expect(third).toMatchObject({ type: "approved" });
});

test("of three who vote at once, two complete the quorum and one comes late", async () => {
  const { alice, bob, carol, dave, execution, approve } = await askAboutReport();

  const answers = await Promise.all([bob, carol, dave].map((client) => approve(client)));
  await alice.end(execution);

  expect(answers.map(({ type }) => type).toSorted()).toEqual(["approval_vote", "approved", "error"]);
  expect(typesOf(alice, execution).filter((type) => type === "approval_vote")).toHaveLength(2);
});

test.each([
  ["no approvers", []],
  ["the owner and one other", ["alice", "bob"]],
  ["one other, named twice", ["bob", "bob"]],
])("a quorum of two that %s can never reach is refused", async (_, names) => {
  const config = { quorum: [{ above_usd: "1", approvals: 2 }], approvers: names };

  const { status, body } = await server.http("POST", "/sessions", { body: { config } });

  expect({ status, code: body.code }).toEqual({ status: 400, code: "invalid_message" });
  expect(body.detail).toContain("quorum");
});
