import { expect, onTestFinished, test } from "vitest";
import { startTestServer } from "./support/test-server.ts";

test("an answer that is given again for an Idempotency-Key is the first one: status, Location and bytes", async () => {
  const server = await startTestServer();
  onTestFinished(() => server.remove());
  const authorization = `Bearer ${await server.token()}`;
  const post = async () => {
    const response = await fetch(`${server.url}/api/v1/sessions`, {
      method: "POST",
      headers: { authorization, "idempotency-key": "once", "content-type": "application/json" },
      body: "{}",
    });
    return { status: response.status, location: response.headers.get("location"), body: await response.text() };
  };

  const first = await post();
  const again = await post();

  expect(first).toMatchObject({ status: 201, location: `/api/v1/sessions/${JSON.parse(first.body).id}` });
  expect(again).toEqual(first);
});
