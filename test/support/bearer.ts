import type { HttpAnswer } from "./server-calls.ts";
import type { TestServer } from "./test-server.ts";

/** A request to the HTTP API with exactly this token. */
export async function bearer(
  server: Pick<TestServer, "url">,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<HttpAnswer> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}
