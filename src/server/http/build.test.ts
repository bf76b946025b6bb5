import { connect } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryApi, memoryIdempotency } from "../../../test/support/memory-api.ts";
import { PaygentError } from "../../protocol/errors.ts";
import type { Page, Session } from "../../protocol/resources.ts";
import { routes } from "../../protocol/routes.ts";
import type { Scope } from "../../runtime/access.ts";
import type { Authenticator } from "../auth.ts";
import { unauthenticated } from "../auth.ts";
import { buildHttp } from "./build.ts";

const origin = "https://console.test";
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

const alice = { authorization: "Bearer alice-token" };
const bob = { authorization: "Bearer bob-token" };
const unknownId = "00000000-0000-4000-8000-000000000000";

beforeAll(async () => {
  await app.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(async () => {
  await app.close();
});

async function newSession(): Promise<string> {
  const response = await app.inject({ method: "POST", url: "/api/v1/sessions", headers: alice, payload: {} });
  return response.json<{ id: string }>().id;
}

describe("a route", () => {
  test("creates a session with the defaults and says where it is", async () => {
    const response = await app.inject({
      method: "POST",
      url: "/api/v1/sessions",
      headers: alice,
      payload: { title: "T" },
    });

    expect(response.statusCode).toBe(201);
    expect(response.json()).toMatchObject({ title: "T", config: { budget_usd: "50", max_steps: 32 } });
    expect(response.headers.location).toBe(`/api/v1/sessions/${response.json<{ id: string }>().id}`);
  });

  test("takes a POST without a body where every field is optional", async () => {
    const response = await app.inject({
      method: "POST",
      url: `/api/v1/approvals/${unknownId}/approve`,
      headers: alice,
    });

    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({ code: "already_decided", details: { decided_by: "bob" } });
    expect(api.decisions.at(-1)).toEqual({ type: "approve", data: { request_id: unknownId } });
  });

  test("pages through a list to its end", async () => {
    const ids = [await newSession(), await newSession(), await newSession()];
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const url: string = `/api/v1/sessions?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
      const body = (await app.inject({ url, headers: alice })).json<Page<Session>>();
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.next_cursor;
    }

    expect(seen.slice(0, 3)).toEqual(ids.toReversed());
    expect(new Set(seen).size).toBe(seen.length);
  });

  test.each(["limit=0", "limit=201", "limit=1e2", "limit=-1", "limit=", "limit=1&limit=2", "cursor=x", "page=2"])(
    "refuses the query %s",
    async (query) => {
      const response = await app.inject({ url: `/api/v1/sessions?${query}`, headers: alice });

      expect([response.statusCode, response.json().code]).toEqual([400, "invalid_message"]);
    },
  );

  test("gives events as the bytes that are stored", async () => {
    const id = await newSession();
    const text = '{"type":"plan","data":{"z":1,"a":1.50,"\\u0061":"é"},"timestamp":"t","seq":SEQ}';
    api.emit(id, text);

    const response = await app.inject({ url: `/api/v1/sessions/${id}/events`, headers: alice });
    const log = await app.inject({ url: `/api/v1/logs?session_id=${id}`, headers: alice });

    expect(response.body).toBe(`{"data":[${text.replace("SEQ", "1")}],"first_seq":1,"last_seq":1}`);
    expect(log.body).toContain(`${text.replace("SEQ}", "1")},"hash":"hash-of-1"}`);
    expect(log.json().next_cursor).toBeNull();
  });

  test("says that the server is not ready with 503 and why", async () => {
    const response = await app.inject("/health/ready");

    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ status: "unavailable", checks: { store: "failed" } });
  });
});

describe("without a valid credential", () => {
  const guarded = Object.entries(routes).filter(([, route]) => route.scope !== "none");

  test.each(guarded)("%s answers 401 whatever else is wrong", async (_name, route) => {
    const url = route.path.replaceAll(/\{\w+\}/g, "not-an-id");
    const ask = (headers: Record<string, string>) =>
      app.inject({ method: route.method, url: `${url}?token=alice-token&token=`, headers, payload: "{" });
    const answers = await Promise.all([
      ask({}),
      ask({ authorization: "" }),
      ask({ authorization: "Bearer nobody" }),
      ask({ "x-user-id": "alice", "x-forwarded-for": "127.0.0.1", cookie: "token=alice-token" }),
    ]);

    for (const { statusCode, headers } of answers)
      expect([statusCode, headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
  });

  test.each(guarded.filter(([, route]) => route.scope !== "read"))("%s needs its scope", async (_name, route) => {
    const url = route.path.replaceAll(/\{\w+\}/g, unknownId);
    const response = await app.inject({ method: route.method, url, headers: { authorization: "Bearer reader-token" } });

    expect(response.json()).toMatchObject({
      status: 403,
      code: "forbidden",
      detail: expect.stringContaining(route.scope),
    });
  });
});

describe("what is somebody else's", () => {
  test("answers with the same bytes as what is not there, and as what is no id", async () => {
    const id = await newSession();
    const answers = await Promise.all(
      [id, unknownId, "not-an-id", "..%2f..%2fetc"].map((given) =>
        app.inject({ url: `/api/v1/sessions/${given}`, headers: bob }),
      ),
    );

    expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
    expect(answers[0]?.json()).toMatchObject({ status: 404, code: "not_found" });
  });
});

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

describe("an error inside", () => {
  test("shows nothing but a correlation id, which the log has too", async () => {
    api.failure = new Error("canary SELECT * FROM secrets at /home/x.ts");
    const response = await app.inject({ url: "/api/v1/wallet", headers: alice });

    expect(response.statusCode).toBe(500);
    expect(response.body).not.toMatch(/canary|SELECT|home/);
    const { correlation_id } = response.json();
    expect(log).toMatch(new RegExp(`canary.*${correlation_id}`));
  });

  test("that is known keeps its code", async () => {
    api.failure = new PaygentError("unavailable", "The chain does not answer; try again.");
    const response = await app.inject({ url: "/api/v1/wallet", headers: alice });

    expect(response.json()).toMatchObject({ status: 503, code: "unavailable", correlation_id: expect.any(String) });
  });

  test.each([undefined, null, "text", 7, { code: "FST_ERR_BAD_URL" }])(
    "may be any value, such as %s",
    async (thrown) => {
      api.failure = thrown;
      const response = await app.inject({ url: "/api/v1/wallet", headers: alice });

      expect(response.statusCode).toBe(500);
      expect(response.json()).toMatchObject({ code: "internal" });
    },
  );
});

describe("an Idempotency-Key", () => {
  const post = (key: string, payload: object, headers = alice) =>
    app.inject({ method: "POST", url: "/api/v1/sessions", headers: { ...headers, "idempotency-key": key }, payload });

  test("makes a repeated request give the first answer, in whatever order its keys come", async () => {
    const first = await post("k1", { title: "a", config: {} });
    const second = await post("k1", { config: {}, title: "a" });

    expect(second.statusCode).toBe(201);
    expect(second.body).toBe(first.body);
  });

  test("with other content is a conflict, and another user's is another key", async () => {
    await post("k2", { title: "a" });

    expect((await post("k2", { title: "b" })).json().code).toBe("conflict");
    expect((await post("k2", { title: "b" }, bob)).statusCode).toBe(201);
  });

  test.each(["", "a b", "ä", "x".repeat(201)])("of %j is refused", async (key) => {
    expect((await post(key, {})).json().code).toBe("invalid_message");
  });

  test("does not keep a ticket", async () => {
    const session_id = await newSession();
    const ask = () =>
      app.inject({
        method: "POST",
        url: "/api/v1/tickets",
        headers: { ...alice, "idempotency-key": "k3" },
        payload: { session_id },
      });

    expect((await ask()).json().ticket).not.toBe((await ask()).json().ticket);
  });
});

describe("a page of another origin", () => {
  test("may read answers when it is named, and preflight is answered", async () => {
    const headers = { origin, "access-control-request-method": "POST" };
    const response = await app.inject({ method: "OPTIONS", url: "/api/v1/sessions", headers });

    expect([response.statusCode, response.headers["access-control-allow-origin"]]).toEqual([204, origin]);
    expect(response.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test.each([
    "https://console.test.evil",
    "https://evil-console.test",
    "null",
    "http://console.test",
    "https://console.test:444",
  ])("%s may not", async (stranger) => {
    const headers = { origin: stranger, "access-control-request-method": "POST" };
    const response = await app.inject({ method: "OPTIONS", url: "/api/v1/sessions", headers });

    expect(response.statusCode).toBe(405);
    expect(response.headers["access-control-allow-origin"]).toBeUndefined();
  });
});

describe("the documentation page", () => {
  test("loads everything from this server", async () => {
    const page = await app.inject("/docs");
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");

    expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
    expect(page.headers["content-security-policy"]).not.toContain("unsafe");
    for (const link of links.filter((text) => text !== "data:,")) {
      expect(link).toMatch(/^\/docs\//);
      expect((await app.inject(link)).statusCode).toBe(200);
    }
    expect((await app.inject("/openapi.json")).json().openapi).toBe("3.1.0");
    expect((await app.inject("/asyncapi.json")).json().asyncapi).toBe("3.0.0");
  });
});

describe("an event stream", () => {
  /** Reads a stream until its text has what is looked for. */
  async function follow(path: string, headers: Record<string, string>) {
    const { port } = app.server.address() as { port: number }; // It listens on a port.
    const stop = new AbortController();
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { accept: "text/event-stream", ...headers },
      signal: stop.signal,
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      async until(expected: string): Promise<string> {
        while (!text.includes(expected)) {
          const part = await reader?.read();
          if (part === undefined || part.done) throw new Error(`The stream ended without ${expected}: ${text}`);
          text += part.value;
        }
        return text;
      },
      close: () => stop.abort(),
    };
  }
  const ids = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

  test("replays a long log and goes on live, each event once and in order", async () => {
    const id = await newSession();
    for (let i = 0; i < 900; i++) api.emit(id, '{"type":"budget","seq":SEQ}');
    const stream = await follow(`/api/v1/sessions/${id}/events`, alice);
    for (let i = 0; i < 100; i++) api.emit(id, '{"type":"budget","seq":SEQ}');
    await stream.until('"seq":1000}');
    api.emit(id, '{"type":"text_delta"}', false);
    api.emit(id, '{"type":"last","seq":SEQ}');
    const text = await stream.until('"last"');
    stream.close();

    expect(stream.type).toContain("text/event-stream");
    expect(ids(text)).toEqual(Array.from({ length: 1001 }, (_, i) => i + 1));
    expect(text).toContain('\n\ndata: {"type":"text_delta"}\n\n');
    await expect.poll(() => api.listenerCount).toBe(0);
  });

  test("goes on behind Last-Event-ID", async () => {
    const id = await newSession();
    for (let i = 0; i < 5; i++) api.emit(id, '{"type":"budget","seq":SEQ}');
    const stream = await follow(`/api/v1/sessions/${id}/events?after_seq=1`, { ...alice, "last-event-id": "3" });
    const text = await stream.until('"seq":5}');
    stream.close();

    expect(ids(text)).toEqual([4, 5]);
  });

  test("says resync when the place to go on from is not in the log", async () => {
    const id = await newSession();
    api.emit(id, '{"type":"budget","seq":SEQ}');
    const stream = await follow(`/api/v1/sessions/${id}/events?after_seq=99`, alice);
    const text = await stream.until('"seq":1}');
    stream.close();

    expect(text).toMatch(/data: \{"type":"resync","data":\{"session_id":"[^"]+","first_seq":1,"last_seq":1\}/);
    expect(ids(text)).toEqual([1]);
  });

  test("opens once with a ticket of its session, which no log shows", async () => {
    const id = await newSession();
    const made = await app.inject({
      method: "POST",
      url: "/api/v1/tickets",
      headers: alice,
      payload: { session_id: id },
    });
    const { ticket } = made.json();
    const path = `/api/v1/sessions/${id}/events?token=${ticket}`;

    const first = await follow(path, {});
    const second = await follow(path, {});
    first.close();

    expect([first.status, second.status]).toEqual([200, 401]);
    expect(log).not.toContain(ticket);
    expect(log).not.toContain("alice-token");
  });

  test("is 404 for another user and 400 for a Last-Event-ID that is none", async () => {
    const id = await newSession();

    expect((await follow(`/api/v1/sessions/${id}/events`, bob)).status).toBe(404);
    expect((await follow(`/api/v1/sessions/${id}/events`, { ...alice, "last-event-id": "x" })).status).toBe(400);
  });
});
