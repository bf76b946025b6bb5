import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedServer } from "../../test/support/scripted-server.ts";
import { createClient } from "./client.ts";

let server: ScriptedServer;

beforeEach(async () => {
  server = await ScriptedServer.start();
});

afterEach(() => server.close());

const problem = { type: "about:blank", title: "Not found", status: 404, detail: "No such session.", code: "not_found" };

test("the token travels in the header and never in the URL", async () => {
  server.answer("GET /wallet", { body: { address: "0x1", network: "eip155:1", currency: "USDC", amount: "5.00" } });

  await createClient({ url: `${server.url}/`, token: "secret" }).wallet.get();

  expect(server.requests).toMatchObject([{ path: "/api/v1/wallet", headers: { authorization: "Bearer secret" } }]);
});

test("a refusal is thrown with the server's code, sentence and reference", async () => {
  server.answer("GET /sessions/1", { status: 404, body: { ...problem, correlation_id: "c1" } });

  await expect(createClient({ url: server.url, token: "t" }).sessions.get("1")).rejects.toMatchObject({
    name: "PaygentError",
    code: "not_found",
    message: "No such session.",
    details: { correlation_id: "c1" },
  });
});

test("a request that met a server on its way out is sent again under the same key", async () => {
  const unavailable = { ...problem, status: 503, code: "unavailable", detail: "The server is stopping." };
  server.answer("POST /sessions", { status: 503, body: unavailable }, { status: 201, body: { id: "1" } });

  const session = await createClient({ url: server.url, token: "t" }).sessions.create();

  const keys = server.requests.map(({ headers }) => headers["idempotency-key"]);
  expect(session.id).toBe("1");
  expect(keys).toHaveLength(2);
  expect(new Set(keys).size).toBe(1);
});

test("a refused token is asked for once more", async () => {
  let asked = 0;
  const token = () => {
    asked += 1;
    return `token-${asked}`;
  };
  const refused = { ...problem, status: 401, code: "unauthenticated", detail: "The token expired." };
  server.answer("GET /services", { status: 401, body: refused }, { body: { data: [], next_cursor: null } });

  await createClient({ url: server.url, token }).services.list();

  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer token-1", "Bearer token-2"]);
});

test("a deletion answers nothing", async () => {
  server.answer("DELETE /sessions/1", { status: 204 });

  expect(await createClient({ url: server.url, token: "t" }).sessions.delete("1")).toBeUndefined();
});

test("an answer of something else than Paygent is said to be that", async () => {
  server.answer("GET /wallet", { status: 418, body: "teapot" });

  await expect(createClient({ url: server.url, token: "t" }).wallet.get()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("418"),
  });
});

test.each(["", "127.0.0.1:8000", "ftp://127.0.0.1", "http://user:pass@127.0.0.1"])(
  "%j is no server's address",
  (url) => {
    expect(() => createClient({ url, token: "t" })).toThrow("http or https URL");
  },
);
