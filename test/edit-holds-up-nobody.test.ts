import { expect, test } from "vitest";
import { fakeWorld } from "./support/fake-world.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";

test("a cancel is not held up by an edit whose service takes its time to name a price", async () => {
  const world = fakeWorld();
  const price = Promise.withResolvers<void>();
  const { quote } = world.wallet;
  const server = await serverForTest({
    world: {
      ...world,
      wallet: {
        ...world.wallet,
        quote: async (url, signal) => {
          if (url.endsWith("/news")) await price.promise;
          return quote(url, signal);
        },
      },
    },
  });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "pay 25 USDC to premium-report");
  const { data: request } = await client.first("approval_required", execution);

  client.send({ type: "edit", data: { request_id: request.request_id, edited_args: { service: "news" } }, id: "edit" });
  client.send({ type: "cancel", data: { execution_id: execution }, id: "cancel" });
  await client.first("cancelled", execution);
  price.resolve();

  expect(await client.answerTo("edit")).toMatchObject({ type: "error", data: { code: "execution_ended" } });
  expect(world.settled).toEqual([]);
});
