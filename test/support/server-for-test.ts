import { onTestFinished } from "vitest";
import { startTestServer, type TestServer } from "./test-server.ts";

/** A server for the test that asks for it, gone when the test is over. */
export async function serverForTest(parts: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer(parts);
  onTestFinished(() => server.remove());
  return server;
}
