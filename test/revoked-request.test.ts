import { connect } from "node:net";
import { expect, test } from "vitest";
import { readHead } from "./support/raw-http.ts";
import { revoke } from "./support/revoke.ts";
import { serverForTest } from "./support/server-for-test.ts";

test.each([
  ["/sessions", {}, 1],
  ["/freeze", { scope: "user" }, 0],
])("a request to %s whose body comes after its token was revoked changes nothing", async (path, body, before) => {
  const server = await serverForTest();
  await server.createSession();
  const text = JSON.stringify(body);
  const socket = connect(server.port, "127.0.0.1");
  const head = [
    `POST /api/v1${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    `Authorization: Bearer ${await server.token("alice", { jti: "mine" })}`,
    "Content-Type: application/json",
    `Content-Length: ${text.length}`,
    "Expect: 100-continue",
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  const { answer: admitted } = await readHead(socket);
  // A request that comes later is let in later.
  await server.http("GET", "/sessions");

  await revoke(server, { token_id: "mine" });
  socket.write(text);
  const { answer } = await readHead(socket);
  socket.destroy();

  expect([admitted.status, answer.status]).toEqual([100, 401]);
  expect((await server.http("GET", path)).body.data).toHaveLength(before);
});
