import { expect, test } from "vitest";
import { serverForTest } from "./support/server-for-test.ts";

test("the tools of the agent are listed with the schemas that their arguments are checked against", async () => {
  const server = await serverForTest();

  const { status, body } = await server.http("GET", "/tools");

  expect(status).toBe(200);
  expect(body.data).toContainEqual({
    name: "pay_service",
    description: expect.stringContaining("Buy one call"),
    effect: "payment",
    args_schema: expect.objectContaining({
      type: "object",
      required: ["service"],
      additionalProperties: false,
      properties: expect.objectContaining({ max_amount: expect.objectContaining({ type: "string" }) }),
    }),
  });
});

test("beside the tools stands the model that reads commands", async () => {
  const server = await serverForTest({ env: { PAYGENT_MODEL: "rules" } });

  expect((await server.http("GET", "/tools")).body).toMatchObject({ model: "rules", next_cursor: null });
});
