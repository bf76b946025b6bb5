import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rawRequest, readHead, upgradeRequest } from "./support/raw-http.ts";
import { startTestServer, type TestServer } from "./support/test-server.ts";

const allowedOrigin = "https://console.example";
let server: TestServer;
let target: string;
let authorization: string;

beforeAll(async () => {
  server = await startTestServer({ env: { PAYGENT_ALLOWED_ORIGINS: allowedOrigin } });
  const { id } = await server.createSession();
  target = `/api/v1/ws?session_id=${id}`;
  authorization = `Bearer ${await server.token()}`;
});

afterAll(() => server.remove());

type Headers = Parameters<typeof upgradeRequest>[1];

/** The answer to an upgrade that is fine but for these headers. */
async function statusOf(headers: Headers, path = target): Promise<number> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(upgradeRequest(path, { Authorization: authorization, ...headers }));
  const { answer } = await readHead(socket);
  socket.destroy();
  return answer.status;
}

test("an upgrade with a credential is let in", async () => {
  expect(await statusOf({})).toBe(101);
});

test("a plain GET is told to upgrade", async () => {
  const answer = await fetch(server.url + target, { headers: { authorization } });

  expect(answer.status).toBe(426);
  expect(answer.headers.get("upgrade")).toBe("websocket");
  expect(await answer.json()).toMatchObject({ status: 426, code: "invalid_message" });
});

describe("a handshake that is not proper is refused before the upgrade", () => {
  const cases: [string, number, Headers][] = [
    ["version 8", 400, { "Sec-WebSocket-Version": "8" }],
    ["version 14", 400, { "Sec-WebSocket-Version": "14" }],
    ["no version", 400, { "Sec-WebSocket-Version": undefined }],
    ["no key", 400, { "Sec-WebSocket-Key": undefined }],
    ["a short key", 400, { "Sec-WebSocket-Key": "abc" }],
    ["a key that is not base64", 400, { "Sec-WebSocket-Key": "!".repeat(24) }],
    ["an upgrade to h2c", 400, { Upgrade: "h2c" }],
    ["an empty subprotocol", 400, { "Sec-WebSocket-Protocol": "a,,b" }],
    ["a subprotocol twice", 400, { "Sec-WebSocket-Protocol": "paygent.v1, paygent.v1" }],
    ["two Hosts", 400, { Host: ["127.0.0.1", "evil.example"] }],
    ["201 headers", 431, Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`X-${i}`, "1"]))],
    ["2,100 headers", 431, Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`X-${i}`, "1"]))],
    ["a header of 17 KB", 431, { "X-Long": "a".repeat(17 * 1024) }],
  ];

  test.each(cases)("%s is %i", async (_kind, status, headers) => {
    expect(await statusOf(headers)).toBe(status);
  });

  test("an offer of h2c on another path is passed over, and the request is served by HTTP/1.1", async () => {
    const offer = {
      Upgrade: "h2c",
      Connection: "Upgrade, HTTP2-Settings",
      "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
    };
    const noSocket = { "Sec-WebSocket-Version": undefined, "Sec-WebSocket-Key": undefined };

    expect(await statusOf({ ...offer, ...noSocket }, "/api/v1/sessions")).toBe(200);
    expect(await statusOf({ ...offer, ...noSocket })).toBe(400);
  });

  test("another path is 404 and a malformed one 400", async () => {
    expect(await statusOf({}, "/api/v1/sessions")).toBe(404);
    expect(await statusOf({}, "//")).toBe(400);
  });

  test("a POST is no handshake", async () => {
    const request = upgradeRequest(target, { Authorization: authorization }).replace("GET", "POST");

    const answer = await rawRequest(server.port, request);

    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test("headers that come too slowly are 408", { timeout: 30_000 }, async () => {
    const answer = await rawRequest(server.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nX-Slow: `);

    expect(answer.status).toBe(408);
  });
});

describe("the page that opens a socket", () => {
  const own = () => ["127.0.0.1", "localhost", "[::1]"].map((host) => `http://${host}:${server.port}`);

  test("may be the server's own, one that is listed, or none", async () => {
    const origins = [...own(), allowedOrigin, undefined];

    const statuses = await Promise.all(origins.map((origin) => statusOf({ Origin: origin })));

    expect(statuses).toEqual(origins.map(() => 101));
  });

  test.each([
    "null",
    "",
    "https://evil.example",
    `${allowedOrigin}.evil.example`,
    `https://evil.example/${allowedOrigin}`,
    `${allowedOrigin}/`,
    `${allowedOrigin}:443`,
    "http://console.example",
    "https://console.example@evil.example",
    "https://CONSOLE.example",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "file://",
  ])("may not be %j", async (origin) => {
    expect(await statusOf({ Origin: origin })).toBe(403);
  });

  test("may not be two at once", async () => {
    expect(await statusOf({ Origin: [allowedOrigin, "https://evil.example"] })).toBe(403);
  });
});

test("a peer that resets in the middle of the handshake harms nobody", async () => {
  for (let i = 0; i < 50; i++) {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(upgradeRequest(target, { Authorization: authorization }));
    socket.resetAndDestroy();
  }

  expect(await statusOf({})).toBe(101);
});
