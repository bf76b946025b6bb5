import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startServer } from "../src/server/start.ts";
import { type TestDatabase, testDatabase } from "./support/database.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { TestClient } from "./support/test-client.ts";
import { startTestServer } from "./support/test-server.ts";

let database: TestDatabase;

beforeEach(async () => {
  database = await testDatabase();
});

afterEach(() => database.remove());

/** Without a secret there is nobody who could make tokens, so the server makes the only one. */
const startLocal = () => startTestServer({ database, env: { PAYGENT_AUTH_SECRET: "" } });

test("the server makes one token, keeps it for its owner alone, and takes no other", async () => {
  const server = await startLocal();
  const file = join(database.dataDir, "access-token");
  const ask = (token: string) =>
    fetch(`${server.url}/api/v1/sessions`, { headers: { authorization: `Bearer ${token}` } });

  const token = readFileSync(file, "utf8").trim();

  expect(server.accessToken).toBe(token);
  expect(token.length).toBeGreaterThanOrEqual(40);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await ask(token)).status).toBe(200);
  for (const other of [await server.token(), `${token}x`, token.slice(0, -1), "local_", "local"]) {
    expect((await ask(other)).status).toBe(401);
  }
  await server.remove();
});

test("the token opens sockets, and is the same after a restart", async () => {
  const first = await startLocal();
  const created = await fetch(`${first.url}/api/v1/sessions`, {
    method: "POST",
    headers: { authorization: `Bearer ${first.accessToken}`, "content-type": "application/json" },
    body: "{}",
  });
  const { id } = Object(await created.json());
  await first.remove();

  const second = await startLocal();
  const url = `${second.url.replace("http", "ws")}/api/v1/ws?session_id=${id}&token=${second.accessToken}`;
  const client = new TestClient(url, {});

  expect(second.accessToken).toBe(first.accessToken);
  expect(await client.first("connected")).toMatchObject({ data: { user_id: "local" } });
  await client.close();
  await second.remove();
});

test.each(["0.0.0.0", "::", "192.0.2.1", "example.com", "127.0.0.1.example.com"])(
  "the server refuses to start on %s, which others can reach",
  async (HOST) => {
    const env = { ...database.env, HOST, PAYGENT_DATA_DIR: database.dataDir };

    await expect(startServer({ port: 0 }, { env, world: fakeWorld() })).rejects.toThrow(/HOST.*PAYGENT_AUTH_SECRET/);
  },
);

test("the server listens where nobody else can reach it", async () => {
  const server = await startLocal();

  expect(new URL(server.url).hostname).toBe("127.0.0.1");
  await server.remove();
});
