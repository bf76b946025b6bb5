import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { alice, httpForTests } from "../../../test/support/http-for-tests.ts";

const { app } = httpForTests();

describe("a bad request", () => {
  const post = (payload: string | Buffer, type = "application/json") =>
    app.inject({ method: "POST", url: "/api/v1/sessions", headers: { ...alice, "content-type": type }, payload });

  test.each([
    ["half an object", "{", 400, "invalid_json"],
    ["duplicate keys", '{"title":"a","title":"b"}', 400, "invalid_json"],
    ["a BOM", "\uFEFF{}", 400, "invalid_json"],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]), 400, "invalid_json"],
    ["depth 17", "[".repeat(17) + "]".repeat(17), 400, "invalid_json"],
    ["__proto__", '{"config":{"__proto__":{}}}', 400, "invalid_message"],
    ["an unknown setting", '{"config":{"buget_usd":"5"}}', 400, "invalid_message"],
    ["an array", "[]", 400, "invalid_message"],
    ["more than 64 KiB", `{"title":"${"x".repeat(65_536)}"}`, 413, "message_too_large"],
  ])("with %s is a problem", async (_case, payload, status, code) => {
    const response = await post(payload);

    expect(response.headers["content-type"]).toContain("application/problem+json");
    expect(response.json()).toMatchObject({ type: `urn:paygent:problem:${code}`, status, code });
    expect(response.statusCode).toBe(status);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"])(
    "of type %s is 415",
    async (type) => {
      expect((await post("{}", type)).statusCode).toBe(415);
    },
  );

  test("by another method is 405 and names those that work", async () => {
    const response = await app.inject({
      method: "PUT",
      url: "/api/v1/sessions",
      payload: "x",
      headers: { "content-type": "a/b" },
    });

    expect([response.statusCode, response.headers.allow]).toEqual([405, "POST, GET"]);
  });

  test.each([
    "/nowhere",
    "/api/v1/nowhere",
    "/docs/../package.json",
    "/docs/..%2fpackage.json",
    "/%",
    "/api/v1/sessions/%00",
  ])("for %s is 404 or 401 and never a file", async (url) => {
    const response = await app.inject(url);

    expect([401, 404]).toContain(response.statusCode);
    expect(response.headers["content-type"]).toContain("application/problem+json");
  });

  test("for the WebSocket without an upgrade is 426", async () => {
    const response = await app.inject("/api/v1/ws");

    expect([response.statusCode, response.headers.upgrade]).toEqual([426, "websocket"]);
  });

  test("with two Host headers or too many headers is refused", async () => {
    const { port } = app.server.address() as { port: number }; // It listens on a port.
    const ask = (head: string) =>
      new Promise<string>((resolve, reject) => {
        let answer = "";
        const socket = connect(port, "127.0.0.1", () =>
          socket.write(`GET /health/live HTTP/1.1\r\n${head}Connection: close\r\n\r\n`),
        );
        socket.setEncoding("utf8");
        socket.on("data", (chunk) => {
          answer += chunk;
        });
        socket.on("close", () => resolve(answer.slice(0, 12)));
        socket.on("error", reject);
      });

    expect(await ask("Host: a\r\nHost: b\r\n")).toBe("HTTP/1.1 400");
    expect(await ask(`Host: a\r\n${Array.from({ length: 300 }, (_, i) => `X-${i}: 1\r\n`).join("")}`)).toBe(
      "HTTP/1.1 431",
    );
    expect(await ask(`Host: a\r\nX-Long: ${"x".repeat(17_000)}\r\n`)).toBe("HTTP/1.1 431");
    expect(await ask("Host: a\r\nBad Header: 1\r\n")).toBe("HTTP/1.1 400");
    expect(await ask("Host: a\r\n")).toBe("HTTP/1.1 200");
  });
});
