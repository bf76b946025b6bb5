import { describe, expect, test } from "vitest";
import { alice, bob, httpForTests } from "../../../test/support/http-for-tests.ts";

const { app, newSession } = httpForTests();

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
