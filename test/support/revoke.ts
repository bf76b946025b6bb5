import { bearer } from "./bearer.ts";
import type { TestServer } from "./test-server.ts";

/** Revokes as an admin whose token makes these claims too, and gives the answer. */
export async function revoke(server: Pick<TestServer, "url" | "token">, target: object, claims: object = {}) {
  return bearer(server, await server.token("root", { scope: "admin", ...claims }), "POST", "/revocations", target);
}
