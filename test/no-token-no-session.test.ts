import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestClient } from "./support/test-client.ts";
import { authSecret, startTestServer, type TestServer } from "./support/test-server.ts";
import { tokenMutants } from "./support/token-mutants.ts";

let server: TestServer;
let sessionId: string;

beforeAll(async () => {
  server = await startTestServer();
  ({ id: sessionId } = await server.createSession());
});

afterAll(() => server.remove());

const mutants = Object.entries(tokenMutants(authSecret, "alice"));
const isHeaderValue = (token: string) => /^[\x21-\x7e]*$/.test(token);
const isSubprotocol = (token: string) => /^[A-Za-z0-9._~+-]+$/.test(token);

async function closeCode(query: string, options: ConstructorParameters<typeof TestClient>[1]): Promise<number> {
  const url = `${server.url.replace("http", "ws")}/api/v1/ws?session_id=${sessionId}${query}`;
  return (await new TestClient(url, options).closed).code;
}

async function httpAnswer(path: string, init: RequestInit): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server.url}/api/v1${path}`, init);
  return { status: response.status, text: await response.text() };
}

describe("a token that does not hold opens no entrance", () => {
  test("at least sixty kinds are tried", () => {
    expect(mutants.length).toBeGreaterThanOrEqual(60);
  });

  test.each(mutants)("%s", async (_kind, token) => {
    const events = `/sessions/${sessionId}/events`;
    const inQuery = `token=${encodeURIComponent(token)}`;

    const codes = [await closeCode(`&${inQuery}`, {})];
    const answers = [
      await httpAnswer(`${events}?${inQuery}`, { headers: { accept: "text/event-stream" } }),
      await httpAnswer(`/sessions?${inQuery}`, {}),
    ];
    if (isHeaderValue(token)) {
      const headers = { authorization: `Bearer ${token}` };
      codes.push(await closeCode("", { headers }));
      for (const path of ["/sessions", `/sessions/${sessionId}`, events, "/approvals", "/services", "/wallet"]) {
        answers.push(await httpAnswer(path, { headers }));
      }
      answers.push(await httpAnswer("/sessions", { method: "POST", headers, body: "{}" }));
    }
    if (isSubprotocol(token)) {
      codes.push(await closeCode("", { protocols: ["paygent.v1", `paygent.bearer.${token}`] }));
    }

    expect(codes).toEqual(codes.map(() => 4401));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
    // One answer to all of them: what was wrong with a token would help only whoever made it up.
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.text).toContain('"unauthenticated"');
  });

  test("a ticket or a token in the address opens nothing but sockets and streams", async () => {
    const token = await server.token();

    const answers = await Promise.all([
      httpAnswer(`/sessions?token=${token}`, {}),
      httpAnswer(`/sessions/${sessionId}?token=${token}`, {}),
      httpAnswer("/wallet", { headers: { "sec-websocket-protocol": `paygent.bearer.${token}` } }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
  });
});
