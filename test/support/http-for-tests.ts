import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import type { Scope } from "../../src/protocol/scope.ts";
import { unauthenticated } from "../../src/runtime/access.ts";
import type { Authenticator } from "../../src/server/auth.ts";
import { buildHttp } from "../../src/server/http/build.ts";
import { MemoryApi, memoryIdempotency } from "./memory-api.ts";

const users: Record<string, { userId: string; scopes: Scope[] }> = {
  "alice-token": { userId: "alice", scopes: ["execute", "approve", "read"] },
  "bob-token": { userId: "bob", scopes: ["execute", "approve", "read"] },
  "reader-token": { userId: "alice", scopes: ["read"] },
};
const authenticator: Authenticator = {
  async authenticate(token) {
    const user = users[token];
    if (user === undefined) throw unauthenticated("unknown");
    return { userId: user.userId, scopes: new Set(user.scopes) };
  },
};

export const origin = "https://console.test";
export const alice = { authorization: "Bearer alice-token" };
export const bob = { authorization: "Bearer bob-token" };
export const unknownId = "00000000-0000-4000-8000-000000000000";

/** For a file of tests: the HTTP side over an API in memory, listening on a port. */
export function httpForTests() {
  let log = "";
  const logger = pino(
    new Writable({
      write(chunk, _encoding, done) {
        log += chunk;
        done();
      },
    }),
  );
  const api = new MemoryApi();
  const app = buildHttp({ api, authenticator, idempotency: memoryIdempotency(), logger, allowedOrigins: [origin] });

  beforeAll(async () => {
    await app.listen({ port: 0, host: "127.0.0.1" });
  });
  afterAll(async () => {
    await app.close();
  });

  return {
    api,
    app,
    /** Everything that was logged so far. */
    log: () => log,
    async newSession(): Promise<string> {
      const response = await app.inject({ method: "POST", url: "/api/v1/sessions", headers: alice, payload: {} });
      return response.json<{ id: string }>().id;
    },
  };
}
