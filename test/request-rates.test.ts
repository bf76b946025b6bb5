import { expect, onTestFinished, test } from "vitest";
import { knock } from "./support/knock.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

async function serverWith(env: Record<string, string>): Promise<TestServer> {
  // A clock that stands still: what was spent does not come back while the test runs.
  const now = Date.now();
  const server = await startTestServer({ env, clock: { now: () => now } });
  onTestFinished(() => server.remove());
  return server;
}

test("a user who asks too often is told when to come back, and others are served", async () => {
  const server = await serverWith({ PAYGENT_REQUESTS_PER_USER: "3" });
  const ask = async (userId: string) =>
    await fetch(`${server.url}/api/v1/sessions`, {
      headers: { authorization: `Bearer ${await server.token(userId)}` },
    });
  for (let count = 0; count < 6; count++) expect((await ask("alice")).status).toBe(200);

  const refused = await ask("alice");

  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(refused.headers.get("content-type")).toContain("application/problem+json");
  expect(await refused.json()).toMatchObject({ code: "rate_limited", details: { retry_after_s: 1 } });
  expect((await ask("bob")).status).toBe(200);
});

test("an address is counted before its credential is looked at, and health is not counted", async () => {
  const server = await serverWith({ PAYGENT_REQUESTS_PER_ADDRESS: "2" });
  const guess = () => fetch(`${server.url}/api/v1/sessions`, { headers: { authorization: "Bearer guess" } });
  for (let count = 0; count < 4; count++) expect((await guess()).status).toBe(401);

  expect((await guess()).status).toBe(429);
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
});

test("a request for a socket counts like any other, of its address and of its user", async () => {
  const server = await serverWith({ PAYGENT_REQUESTS_PER_ADDRESS: "2", PAYGENT_REQUESTS_PER_USER: "1" });
  const nowhere = "00000000-0000-4000-8000-000000000000";
  const ask = async (options: { userId?: string; token?: string; from?: string }) => {
    const { socket, ...answer } = await knock(server, nowhere, options);
    socket.destroy();
    return answer;
  };

  const guesses = [];
  for (let count = 0; count < 5; count++) guesses.push(await ask({ token: "guess", from: "127.0.0.2" }));
  const attempts = [];
  for (let count = 0; count < 3; count++) attempts.push(await ask({ userId: "alice", from: "127.0.0.3" }));

  // Let in as far as the close code that says what is wrong.
  expect(guesses.map(({ status }) => status)).toEqual([101, 101, 101, 101, 429]);
  expect(guesses.at(-1)?.headers["retry-after"]).toBe("1");
  expect(attempts.map(({ status }) => status)).toEqual([101, 101, 429]);
});

test("a limit that is no whole number is refused", async () => {
  await expect(startTestServer({ env: { PAYGENT_REQUESTS_PER_USER: "1e3" } })).rejects.toThrow(
    "PAYGENT_REQUESTS_PER_USER must be a whole number of requests a second, 0 for any number",
  );
});
