import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Ticket } from "../src/protocol/resources.ts";
import { type ManualClock, manualClock } from "./support/manual-clock.ts";
import { TestClient } from "./support/test-client.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let clock: ManualClock;
let sessionId: string;

beforeAll(async () => {
  clock = manualClock();
  server = await startTestServer({ clock });
  ({ id: sessionId } = await server.createSession());
});

afterAll(() => server.remove());

async function newTicket(id = sessionId, token?: string): Promise<string> {
  const response = await fetch(`${server.url}/api/v1/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${token ?? (await server.token())}`, "content-type": "application/json" },
    body: JSON.stringify({ session_id: id }),
  });
  expect(response.status).toBe(201);
  return Ticket.parse(await response.json()).ticket;
}

/** As which user a ticket lets in, or with which code it is refused. */
async function redeem(ticket: string, id = sessionId): Promise<string | number> {
  const url = `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${id}&token=${ticket}`;
  const client = new TestClient(url, {});
  const answer = await Promise.race([client.first("connected").catch(() => undefined), client.closed]);
  if (answer === undefined || "code" in answer) return (await client.closed).code;
  await client.close();
  return answer.data.user_id;
}

describe("a ticket", () => {
  test("lets its user in once, and never again", async () => {
    const ticket = await newTicket();

    expect(await redeem(ticket)).toBe("alice");
    expect(await redeem(ticket)).toBe(4401);
  });

  test("lets one of many in that use it at the same moment", async () => {
    const ticket = await newTicket();

    const outcomes = await Promise.all(Array.from({ length: 20 }, () => redeem(ticket)));

    expect(outcomes.filter((outcome) => outcome === "alice")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 4401)).toHaveLength(19);
  });

  test("opens its own session only, and is used up by the attempt", async () => {
    const other = await server.createSession();
    const ticket = await newTicket();

    expect(await redeem(ticket, other.id)).toBe(4401);
    expect(await redeem(ticket)).toBe(4401);
  });

  test("opens its session however its id is spelt", async () => {
    expect(await redeem(await newTicket(), sessionId.toUpperCase())).toBe("alice");
  });

  test("is good for thirty seconds", async () => {
    const [early, late] = [await newTicket(), await newTicket()];

    clock.advance(29_000);
    expect(await redeem(early)).toBe("alice");
    clock.advance(1_500);
    expect(await redeem(late)).toBe(4401);
  });

  test("ends with the token that it was made with", async () => {
    const token = await server.token("alice", { exp: Math.floor(clock.now() / 1000) + 10 });
    const ticket = await newTicket(sessionId, token);

    clock.advance(20_000);

    expect(await redeem(ticket)).toBe(4401);
  });

  test("carries what its token allowed and no more", async () => {
    const ticket = await newTicket(sessionId, await server.token("alice", { scope: "read" }));
    const client = new TestClient(
      `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${sessionId}&token=${ticket}`,
      {},
    );
    await client.first("connected");

    client.send({ type: "execute", data: { command: "check balance" }, id: "mine" });

    expect(await client.answerTo("mine")).toMatchObject({ type: "error", data: { code: "forbidden" } });
    await client.close();
  });

  test("is not given for a session of somebody else, or for none", async () => {
    const { id: bobs } = await server.createSession({}, "bob");

    const [foreign, unknown] = await Promise.all(
      [bobs, randomUUID()].map((id) => server.http("POST", "/tickets", { body: { session_id: id } })),
    );

    expect(foreign).toEqual(unknown);
    expect(foreign?.status).toBe(404);
  });

  test.each(["ticket_", "ticket_x", `ticket_${"A".repeat(43)}`, "TICKET_x"])("is not %s", async (made) => {
    expect(await redeem(made)).toBe(4401);
  });

  test("counts in the address only", async () => {
    const [inHeader, inProtocol] = [await newTicket(), await newTicket()];
    const url = `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${sessionId}`;

    const clients = [
      new TestClient(url, { token: inHeader }),
      new TestClient(url, { protocols: ["paygent.v1", `paygent.bearer.${inProtocol}`] }),
    ];

    expect(await Promise.all(clients.map(async ({ closed }) => (await closed).code))).toEqual([4401, 4401]);
    expect((await server.http("GET", `/sessions/${sessionId}`)).status).toBe(200);
  });
});
