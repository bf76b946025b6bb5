import { expect, onTestFinished, test } from "vitest";
import { startTestServer } from "./support/test-server.ts";

test("with an audience and an issuer set, only tokens of that issuer for that audience are let in", async () => {
  const server = await startTestServer({
    env: { PAYGENT_AUTH_AUDIENCE: "paygent", PAYGENT_AUTH_ISSUER: "https://issuer.example" },
  });
  onTestFinished(() => server.remove());
  const status = async (claims: Record<string, unknown>) => {
    const authorization = `Bearer ${await server.token("alice", claims)}`;
    return (await fetch(`${server.url}/api/v1/sessions`, { headers: { authorization } })).status;
  };
  const good = { aud: "paygent", iss: "https://issuer.example" };

  expect(await status(good)).toBe(200);
  expect(await status({ ...good, aud: ["other", "paygent"] })).toBe(200);
  expect(await status({})).toBe(401);
  expect(await status({ ...good, aud: "other" })).toBe(401);
  expect(await status({ ...good, iss: "https://issuer.example/" })).toBe(401);
  expect(await status({ iss: good.iss })).toBe(401);
});
