import { TestClient } from "./test-client.ts";
import type { TestServer } from "./test-server.ts";

/** Opens a socket with a token that makes the given claims, and waits until it is connected. */
export async function connectWith(
  server: TestServer,
  sessionId: string,
  {
    sub,
    ...claims
  }: {
    readonly sub: string;
    readonly scope?: string;
    readonly exp?: number;
    readonly iat?: number;
    readonly jti?: string;
  },
): Promise<TestClient> {
  const token = await server.token(sub, claims);
  const client = new TestClient(`${server.url.replace("http", "ws")}/api/v1/ws?session_id=${sessionId}`, { token });
  await client.first("connected");
  return client;
}
