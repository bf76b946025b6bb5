import { afterAll, expect, test } from "vitest";
import { testDatabase } from "./support/database.ts";
import { execute, startTestServer } from "./support/test-server.ts";

const database = await testDatabase();

afterAll(() => database.remove());

test("a session whose model is not to be had any more can be opened, and says so when it is used", async () => {
  const withKey = await startTestServer({ database, env: { ANTHROPIC_API_KEY: "a key" } });
  const { id } = await withKey.createSession({ model: "anthropic/some-model" });
  await withKey.remove();
  const withoutKey = await startTestServer({ database });

  const client = await withoutKey.connect(id);
  const end = await client.end(execute(client, "check balance"));

  expect(end).toMatchObject({ type: "error", data: { code: "model_failed", fatal: true } });
  expect(end.type === "error" && end.data.message).toContain("ANTHROPIC_API_KEY");
  await withoutKey.remove();
});
