import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { anonymous, answerOf, type Belongings, targeted, unknown } from "./support/belongings.ts";
import { callingModel } from "./support/scripted-model.ts";
import { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buyReport = 'pay_service {"service":"premium-report"}';
let server: TestServer;
let own: Belongings;
let ownOther: Belongings;
let foreign: Belongings;
let client: TestClient;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel(), messagesPerSecond: 10_000 });
  own = await belongings("alice");
  ownOther = await belongings("alice");
  foreign = await belongings("bob");
  client = await server.connect(own.session_id);
});

afterAll(() => server.remove());

/** A session with a spend rule, and an execution that waits for a decision. */
async function belongings(userId: string): Promise<Belongings> {
  const { id: session_id } = await server.createSession({ daily_budget_usd: "1000" }, userId);
  const socket = await server.connect(session_id, { userId });
  const first = execute(socket, buyReport);
  const { data } = await socket.first("approval_required", first);
  const remember = { tool_name: "pay_service", max_amount: "1" };
  await ask(socket, "approve", { request_id: data.request_id, remember });
  await socket.end(first);
  const execution_id = execute(socket, buyReport);
  const { data: pending } = await socket.first("approval_required", execution_id);
  const rules = await server.http("GET", `/sessions/${session_id}/spend-rules`, { userId });
  const payments = await server.http("GET", "/payments", { userId });
  const [{ payment_id }] = payments.body.data;
  return { session_id, execution_id, request_id: pending.request_id, rule_id: rules.body.data[0].id, payment_id };
}

/** Everything that somebody has, as they see it. */
async function stateOf({ session_id, execution_id }: Belongings, userId: string) {
  const paths = [
    `/sessions/${session_id}`,
    `/sessions/${session_id}/executions`,
    `/sessions/${session_id}/events`,
    `/sessions/${session_id}/spend-rules`,
    `/executions/${execution_id}`,
    `/logs?session_id=${session_id}`,
    "/approvals",
    "/payments",
    "/sessions",
  ];
  return Promise.all(paths.map(async (path) => (await server.http("GET", path, { userId })).body));
}

async function stateOfAll() {
  return [await stateOf(own, "alice"), await stateOf(ownOther, "alice"), await stateOf(foreign, "bob")];
}

describe("over a socket", () => {
  const messages = [
    ["approve", ({ request_id }: Belongings) => ({ request_id })],
    ["reject", ({ request_id }: Belongings) => ({ request_id, reason: "no" })],
    ["edit", ({ request_id }: Belongings) => ({ request_id, edited_args: { service: "news" } })],
    ["cancel", ({ execution_id }: Belongings) => ({ execution_id })],
  ] as const;

  test.each(messages)(
    "%s of another session's or another user's is answered like that of an unknown id, and changes nothing",
    async (type, dataFor) => {
      const before = await stateOfAll();
      const frameOf = async (target: Belongings) => {
        const id = randomUUID();
        client.send({ type, data: dataFor(target), id });
        await client.answerTo(id);
        const frame = client.frames.find((text) => text.includes(id)) ?? "";
        return anonymous(frame, { ...target, session_id: own.session_id, id });
      };

      const frames = [await frameOf(unknown()), await frameOf(ownOther), await frameOf(foreign)];

      expect(frames[0]).toContain('"code":"not_found"');
      expect(new Set(frames).size).toBe(1);
      expect(await stateOfAll()).toEqual(before);
    },
  );

  test("an execution_id that somebody else used is a conflict, which shows nothing of theirs", async () => {
    const before = await stateOfAll();

    const answer = await ask(client, "execute", { command: buyReport, execution_id: foreign.execution_id });

    expect(answer).toMatchObject({ type: "error", data: { code: "conflict" } });
    expect(answer.data).not.toHaveProperty("details");
    expect(await stateOfAll()).toEqual(before);
  });

  test("a session of another user is closed upon like one that is not there", async () => {
    const closeOf = async (sessionId: string) => {
      const token = await server.token("alice");
      const url = `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${sessionId}`;
      const stranger = new TestClient(url, { token });
      return { ...(await stranger.closed), frames: stranger.frames };
    };

    const closes = [await closeOf(randomUUID()), await closeOf(foreign.session_id)];

    expect(closes[0]).toMatchObject({ code: 4404, frames: [] });
    expect(closes[1]).toEqual(closes[0]);
  });
});

describe("over HTTP", () => {
  test("there are as many routes that name something as this test knows", () => {
    const names = targeted.map(([name]) => name).sort();

    expect(names).toEqual([
      "approve",
      "cancelExecution",
      "createTicket",
      "deleteSession",
      "edit",
      "execute",
      "freeze",
      "getApproval",
      "getExecution",
      "getPayment",
      "getSession",
      "listExecutions",
      "listSpendRules",
      "patchSession",
      "readEvents",
      "readExecutionLog",
      "readLog",
      "readStatement",
      "reject",
      "revokeSpendRule",
      "simulatePolicy",
      "summarizeLog",
      "unfreeze",
    ]);
  });

  test.each(targeted)(
    "%s of another user's is answered like that of an unknown id, and changes nothing",
    async (...route) => {
      const before = await stateOfAll();

      const forUnknown = await answerOf(server, "alice", route, unknown());
      const forForeign = await answerOf(server, "alice", route, foreign);

      expect(forUnknown.status).toBe(404);
      expect(forForeign).toEqual(forUnknown);
      expect(await stateOfAll()).toEqual(before);
    },
  );

  test("a log filtered by another user's execution is empty, as by an unknown one", async () => {
    const read = async (id: string) =>
      (await server.http("GET", `/logs?session_id=${own.session_id}&execution_id=${id}`)).body;

    expect(await read(foreign.execution_id)).toEqual(await read(randomUUID()));
    expect((await read(foreign.execution_id)).data).toEqual([]);
  });

  test("lists show a user's own only", async () => {
    const lists = await Promise.all(["/sessions", "/approvals", "/payments"].map((path) => server.http("GET", path)));

    const text = JSON.stringify(lists.map(({ body }) => body));
    expect(text).toContain(own.request_id);
    for (const id of Object.values(foreign)) expect(text).not.toContain(id);
  });

  test("one's own are reached all the same", async () => {
    const approved = await server.http("POST", `/approvals/${ownOther.request_id}/reject`);
    const revoked = await server.http("DELETE", `/spend-rules/${ownOther.rule_id}`);

    expect([approved.status, revoked.status]).toEqual([200, 204]);
  });
});
