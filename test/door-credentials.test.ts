import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestClient } from "./support/test-client.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let sessionId: string;
let good: string;
let address: string;

beforeAll(async () => {
  server = await startTestServer();
  ({ id: sessionId } = await server.createSession());
  good = await server.token();
  address = `${server.url.replace("http", "ws")}/api/v1/ws`;
});

afterAll(() => server.remove());

interface Attempt {
  readonly query?: string;
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
}

/** How the server takes an attempt: as which user, or with which close code. */
async function outcomeOf({ query = `session_id=${sessionId}`, ...rest }: Attempt): Promise<string | number> {
  const client = new TestClient(`${address}?${query}`, rest);
  const answer = await Promise.race([client.first("connected").catch(() => undefined), client.closed]);
  if (answer === undefined || "code" in answer) return (await client.closed).code;
  await client.close();
  return answer.data.user_id;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const protocols = (token: string) => ["paygent.v1", `paygent.bearer.${token}`];
const withToken = (token: string) => `session_id=${sessionId}&token=${token}`;

describe("a credential", () => {
  test("may stand in the header, the subprotocol or the address", async () => {
    const attempts: Attempt[] = [
      { headers: bearer(good) },
      { headers: { authorization: `bearer ${good}` } },
      { protocols: protocols(good) },
      { protocols: protocols(good).reverse() },
      { query: withToken(good) },
      { query: withToken(good), protocols: [] },
    ];

    const outcomes = await Promise.all(attempts.map(outcomeOf));

    expect(outcomes).toEqual(attempts.map(() => "alice"));
  });

  test("in the header wins over the subprotocol, and that over the address", async () => {
    const [bob, carol] = await Promise.all([server.token("bob"), server.token("carol")]);

    expect(await outcomeOf({ headers: bearer(good), protocols: protocols(bob), query: withToken(carol) })).toBe(
      "alice",
    );
    expect(await outcomeOf({ protocols: protocols(good), query: withToken(bob) })).toBe("alice");
    expect(await outcomeOf({ headers: bearer(bob), protocols: protocols(good), query: withToken(good) })).toBe(4404);
    expect(await outcomeOf({ protocols: protocols(bob), query: withToken(good) })).toBe(4404);
  });

  test("that is bad is never passed over for a good one behind it", async () => {
    const bad = ["x", `${good}x`, ""];
    const attempts: Attempt[] = bad.flatMap((token) => [
      { headers: bearer(token), protocols: protocols(good), query: withToken(good) },
      { headers: { authorization: `Basic ${token}` }, query: withToken(good) },
      { headers: { authorization: token }, query: withToken(good) },
      { query: `${withToken(token)}&token=${good}` },
      { query: `${withToken(good)}&token=${token}` },
    ]);
    attempts.push({ protocols: protocols("x"), query: withToken(good) });
    attempts.push({ protocols: [...protocols(good), "paygent.bearer.x"] });
    attempts.push({ query: withToken(good).concat(`&token=${good}`) });

    const outcomes = await Promise.all(attempts.map(outcomeOf));

    expect(outcomes).toEqual(attempts.map(() => 4401));
  });

  test("is never assumed: without one there is no user, whatever else the client says of itself", async () => {
    const claims = {
      "x-user-id": "alice",
      "x-forwarded-user": "alice",
      "x-forwarded-for": "127.0.0.1",
      cookie: `token=${good}; authorization=${good}`,
    };

    expect(await outcomeOf({})).toBe(4401);
    expect(await outcomeOf({ headers: claims })).toBe(4401);
    expect(await outcomeOf({ query: `session_id=${sessionId}&user_id=alice` })).toBe(4401);
    expect(await outcomeOf({ headers: { ...claims, ...bearer(await server.token("bob")) } })).toBe(4404);
  });
});

test("only paygent.v1 is ever echoed", async () => {
  const cases: [string[], string][] = [
    [protocols(good), "paygent.v1"],
    [protocols(good).reverse(), "paygent.v1"],
    [[`paygent.bearer.${good}`, "other"], ""],
    [["other"], ""],
  ];

  for (const [offered, echoed] of cases) {
    const client = new TestClient(`${address}?${withToken(good)}`, { protocols: offered });
    // A client that offered something and is answered nothing hangs up by itself.
    await Promise.race([client.closed, client.first("connected").catch(() => undefined)]);
    expect(client.socket.protocol).toBe(echoed);
    client.socket.terminate();
  }
});

describe("a session", () => {
  const withHeader = (query: string) => outcomeOf({ query, headers: bearer(good) });

  test("that is not named by one UUID is 4400", async () => {
    const queries = [
      "",
      "session_id=",
      "session_id=1",
      "session_id=../x",
      "session_id=%00",
      `session_id=${sessionId}%00`,
      `session_id=${sessionId}&session_id=${sessionId}`,
      `session_id=${sessionId}&session_id=`,
      `session_id=%7B${sessionId}%7D`,
      `session_id=${sessionId.replaceAll("-", "")}`,
      `session_id[]=${sessionId}`,
      `SESSION_ID=${sessionId}`,
    ];

    const outcomes = await Promise.all(queries.map(withHeader));

    expect(outcomes).toEqual(queries.map(() => 4400));
  });

  test("may be named in capitals", async () => {
    expect(await withHeader(`session_id=${sessionId.toUpperCase()}`)).toBe("alice");
  });

  test("of somebody else answers like one that is not there", async () => {
    const { id: bobs } = await server.createSession({}, "bob");
    const close = async (id: string) => {
      const client = new TestClient(`${address}?session_id=${id}`, { token: good });
      return client.closed;
    };

    expect(await close(bobs)).toEqual(await close(randomUUID()));
    expect((await close(bobs)).code).toBe(4404);
  });

  test("is asked for only once the credential holds", async () => {
    expect(await outcomeOf({ query: "session_id=1", headers: bearer("x") })).toBe(4401);
  });

  test("may not be watched without the scope to read", async () => {
    const token = await server.token("alice", { scope: "execute approve" });

    expect(await outcomeOf({ headers: bearer(token) })).toBe(4403);
  });

  test("may be watched by its approvers", async () => {
    const { id } = await server.createSession({ approvers: ["bob"] });

    expect(await outcomeOf({ query: `session_id=${id}`, headers: bearer(await server.token("bob")) })).toBe("bob");
  });
});

test("a place to go on from that is no whole number is 4400", async () => {
  const forms = ["", "-1", "1.5", "1e3", "abc", "0x1", " 1", "1%00", "NaN", "9".repeat(16), "1&last_seq=1"];

  const outcomes = await Promise.all(
    forms.map((form) => outcomeOf({ query: `session_id=${sessionId}&last_seq=${form}`, headers: bearer(good) })),
  );

  expect(outcomes).toEqual(forms.map(() => 4400));
});
