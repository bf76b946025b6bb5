import { describe, expect, test } from "vitest";
import { alice, bob, httpForTests, origin, unknownId } from "../../../test/support/http-for-tests.ts";
import { PaygentError } from "../../protocol/errors.ts";
import type { Page, Session } from "../../protocol/resources.ts";
import { routes } from "../../protocol/routes.ts";

const { api, app, log, newSession } = httpForTests();

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

describe("an error inside", () => {
  test("shows nothing but a correlation id, which the log has too", async () => {
    api.failure = new Error("canary SELECT * FROM secrets at /home/x.ts");
    const response = await app.inject({ url: "/api/v1/wallet", headers: alice });

    expect(response.statusCode).toBe(500);
    expect(response.body).not.toMatch(/canary|SELECT|home/);
    const { correlation_id } = response.json();
    expect(log()).toMatch(new RegExp(`canary.*${correlation_id}`));
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
