import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { fakeWorld } from "./support/fake-world.ts";
import { readHead, upgradeRequest } from "./support/raw-http.ts";
import { opcodes, RawSocket } from "./support/raw-socket.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

afterEach(() => server.database.remove());

test("a server that goes down closes its sockets with 1001, and the ones that do not answer too", async () => {
  server = await startTestServer();
  const { id } = await server.createSession();
  const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect(id)));
  const deaf = await RawSocket.open(server, id);

  await server.close();

  const closed = await Promise.all(clients.map((client) => client.closed));
  expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([1001]));
  expect(await deaf.closeCode()).toBe(1001);
  await deaf.gone();
});

test("newcomers to a server that goes down are told 503", async () => {
  server = await startTestServer();
  const { id } = await server.createSession();
  const token = await server.token();
  const request = upgradeRequest(`/api/v1/ws?session_id=${id}`, { Authorization: `Bearer ${token}` });
  // It never answers its close, so the server waits for it while the newcomer comes.
  const deaf = await RawSocket.open(server, id);
  const newcomer = connect(server.port, "127.0.0.1");

  const closing = server.close();
  await deaf.frame(({ opcode }) => opcode === opcodes.close);
  newcomer.write(request);

  const { answer } = await readHead(newcomer);
  expect(answer.status).toBe(503);
  newcomer.destroy();
  deaf.destroy();
  await closing;
});

test("who is at the door when the server goes down is not let in any more", async () => {
  const asked = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  const keys = createServer(async (_request, response) => {
    asked.resolve();
    await mayAnswer.promise;
    response.setHeader("content-type", "application/json").end('{"keys":[]}');
  }).listen(0, "127.0.0.1");
  await once(keys, "listening");
  const env = { PAYGENT_AUTH_SECRET: "", PAYGENT_AUTH_JWKS_URL: `http://127.0.0.1:${Object(keys.address()).port}/` };
  server = await startTestServer({ env });
  const token = `${Buffer.from('{"alg":"RS256","kid":"1"}').toString("base64url")}.e30.AAAA`;
  const newcomer = connect(server.port, "127.0.0.1");

  newcomer.write(upgradeRequest("/api/v1/ws", { Authorization: `Bearer ${token}` }));
  await asked.promise;
  const closing = server.close();
  mayAnswer.resolve();

  expect((await readHead(newcomer)).answer.status).toBe(503);
  newcomer.destroy();
  await closing;
  keys.closeAllConnections();
  keys.close();
});

test("a server that goes down does not wait for a chain that is silent", async () => {
  const world = fakeWorld();
  const sent = Promise.withResolvers<void>();
  world.beforeSettle = () => {
    sent.resolve();
    return new Promise(() => undefined);
  };
  server = await startTestServer({ world, model: callingModel(), worker: { sweepMs: 50, drainMs: 300 } });
  const { id } = await server.createSession({ approval_threshold_usd: "10" });
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"news"}');
  await sent.promise;
  const asked = Promise.withResolvers<void>();
  world.beforeChain = () => {
    asked.resolve();
    return new Promise(() => undefined);
  };
  client.send({ type: "cancel", data: { execution_id: execution } });
  await asked.promise;

  const closed = server.close().then(() => "closed");

  expect(await Promise.race([closed, delay(5000, "waits", { ref: false })])).toBe("closed");
});

test("a server that is closed twice is closed", async () => {
  server = await startTestServer();

  await server.close();
  await server.close();
});

test("what cannot be closed keeps nothing else open", async () => {
  const world = { ...fakeWorld(), close: () => Promise.reject(new Error("The world does not end.")) };
  server = await startTestServer({ world });

  await expect(server.close()).rejects.toThrow("Not everything could be closed.");

  // The folder is free again.
  const next = await startTestServer({ database: server.database });
  await next.remove();
});
